import TestKit
import Testing
import VLJSON
import VLMedia
import VLModels
import VLTensor

/// An array of integers; empty when there is none, which no expectation below accepts.
private func integers(_ value: JSONValue?) -> [Int] { (value?.arrayValue ?? []).compactMap(\.integerValue) }

@Suite struct PositionTests {
  /// 28 random layouts against the reference's `get_rope_index`.
  @Test func layoutsAgree() throws {
    let json = try JSONValue(parsing: Scratch.read(Goldens.directory + "/positions.json"))
    let ids = try #require(json["tokens"])
    let pads = [ids["image_token_id"]?.integerValue, ids["video_token_id"]?.integerValue]
    let layouts = try #require(json["layouts"]?.arrayValue)
    #expect(layouts.count >= 20)
    for layout in layouts {
      let tokens = integers(layout["input_ids"])
      func grids(_ key: String) -> [GridTHW] {
        (layout[key]?.arrayValue ?? []).compactMap { $0.arrayValue?.compactMap(\.integerValue) }
          .map { GridTHW(t: $0[0], h: $0[1], w: $0[2]) }
      }
      var queues = [grids("image_grid_thw"), grids("video_grid_thw")]
      var spans: [VisualSpan] = []
      var place = 0
      while place < tokens.count {
        guard let kind = pads.firstIndex(of: tokens[place]) else {
          place += 1
          continue
        }
        let grid = queues[kind].removeFirst()
        spans.append(VisualSpan(range: place..<place + grid.tokens(mergeSize: 2), grid: grid))
        place += grid.tokens(mergeSize: 2)
      }
      let positions = MRoPEPositions(count: tokens.count, visuals: spans, mergeSize: 2)
      let axes = try #require(layout["position_ids"]?.arrayValue)
      let expected = axes.map { $0.arrayValue?.compactMap(\.integerValue) ?? [] }
      #expect(positions.ids == expected)
      #expect(positions.next - tokens.count == layout["delta"]?.integerValue)
    }
  }

  /// Frequencies to the bit; cosines and sines within one unit in the last place of torch's.
  @Test func sequentialPositionsCountPlaces() {
    let visual = VisualSpan(range: 2..<8, grid: GridTHW(t: 1, h: 4, w: 6))
    let positions = MRoPEPositions(count: 10, visuals: [visual], mergeSize: 2, style: .sequential)
    #expect(positions.ids == [[Int]](repeating: Array(0..<10), count: 3))
    #expect(positions.next == 10)
  }

  @Test func rotaryTablesAgree() throws {
    let json = try JSONValue(parsing: Scratch.read(Goldens.directory + "/rotary.json"))
    let compute = Compute(threads: 1)
    let tables = try #require(json.arrayValue)
    for table in tables {
      let dim = try #require(table["dim"]?.integerValue)
      let theta = try #require(table["theta"]?.doubleValue)
      let frequencies = rotaryFrequencies(dim: dim, base: theta)
      let bits = integers(table["inv_freq"])
      #expect(frequencies.map { Int(Int32(bitPattern: $0.bitPattern)) } == bits)
      let positions = integers(table["positions"])
      let made = compute.rotaryTable(
        positions: [positions], axes: [Int](repeating: 0, count: dim / 2), frequencies: frequencies)
      for (key, tensor) in [("cos", made.cos), ("sin", made.sin)] {
        let expected = integers(table[key])
        let values = tensor.array()
        #expect(values.count == expected.count)
        for (value, bits) in zip(values, expected) {
          let other = Float(bitPattern: UInt32(bitPattern: Int32(bits)))
          #expect(abs(value - other) <= other.ulp.magnitude, "\(key) of \(dim): \(value), \(other)")
        }
      }
    }
  }
}

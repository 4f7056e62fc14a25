import Testing
import VLNN
import VLTensor

@Suite struct KVCacheTests {
  private let compute = Compute(threads: 1)
  private let width = 6

  /// Rows whose elements say which layer, place and kind they are.
  private func rows(_ places: Range<Int>, layer: Int, kind: Float) -> Tensor {
    compute.tensor(
      places.flatMap { place in
        (0..<width).map { Float(1000 * layer + 10 * place) + kind + Float($0) / 16 }
      }, [places.count, width])
  }

  private func append(_ places: Range<Int>, to cache: inout KVCache) -> [(keys: [Float], values: [Float])] {
    cache.reserve(places.count, on: compute)
    let views = (0..<3).map { layer in
      let (keys, values) = cache.append(
        layer: layer, k: rows(places, layer: layer, kind: 0), v: rows(places, layer: layer, kind: 5))
      return (keys.array(), values.array())
    }
    cache.advance(places.count)
    return views
  }

  /// Whatever the cuts, what comes back is everything so far in order, also after the buffers grew.
  @Test(arguments: [[1, 1, 1, 1], [4, 1, 9, 2], [30], [2, 3, 5, 7, 11]]) func growsWithoutLosingAnything(
    cuts: [Int]
  ) {
    var cache = KVCache(layers: 3, width: width, capacity: 2, on: compute)
    var held = 0
    for cut in cuts {
      let views = append(held..<held + cut, to: &cache)
      held += cut
      #expect(cache.count == held && cache.capacity >= held)
      #expect(cache.byteCount == 3 * 2 * cache.capacity * width * 4)
      for layer in 0..<3 {
        #expect(views[layer].keys == rows(0..<held, layer: layer, kind: 0).array())
        #expect(views[layer].values == rows(0..<held, layer: layer, kind: 5).array())
      }
    }
  }

  @Test func truncatedPlacesAreWrittenAnew() {
    var cache = KVCache(layers: 3, width: width, capacity: 8, on: compute)
    _ = append(0..<8, to: &cache)
    cache.truncate(to: 3)
    #expect(cache.count == 3)
    // Places 3 and 4 come again, as others: the row that says 100 and 101.
    cache.reserve(2, on: compute)
    let (keys, _) = cache.append(
      layer: 1, k: rows(100..<102, layer: 1, kind: 0), v: rows(100..<102, layer: 1, kind: 5))
    #expect(
      keys.array() == rows(0..<3, layer: 1, kind: 0).array() + rows(100..<102, layer: 1, kind: 0).array())
    cache.truncate(to: 0)
    #expect(cache.count == 0)
  }

  @Test func reservingKeepsTheCapacityThatSuffices() {
    var cache = KVCache(layers: 1, width: width, capacity: 10, on: compute)
    cache.reserve(10, on: compute)
    #expect(cache.capacity == 10)
    cache.reserve(11, on: compute)
    #expect(cache.capacity >= 11)
  }
}

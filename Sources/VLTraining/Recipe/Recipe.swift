public import VLJSON
public import VLModels

/// Everything that decides what a training run does: one stage, as data. docs/training.md describes the keys.
public struct Recipe: Sendable, Equatable {
  /// What the weights are at first.
  public enum Start: Sendable, Equatable {
    /// Random, for the sizes in a directory with `config.json` and a tokenizer.
    case nothing(config: String)
    /// A checkpoint in the published form, or a run's directory, whose result is meant then.
    case checkpoint(String)
    /// As published: the text model from a Qwen2 text checkpoint, the encoder from a CLIP-style vision transformer
    /// (without its fixed positions), what neither has random; sizes and tokenizer from a directory. At least one of
    /// the two is given.
    case published(config: String, text: String?, encoder: String?)
  }

  /// Which blocks of a part learn.
  public enum Layers: Sendable, Equatable {
    /// Everything, what lies outside the blocks included.
    case all
    /// The first n blocks and nothing outside the blocks.
    case first(Int)
    /// The last n blocks and nothing outside the blocks.
    case last(Int)
  }

  /// How a part learns.
  public struct Part: Sendable, Equatable {
    /// Which of its blocks.
    public var layers = Layers.all
    /// The learning rate, which the schedule scales.
    public var rate: Double
    /// The learning rate of what lies outside the blocks (patch or token embedding, final norm, head), 0 to let it
    /// rest; nil for the part's own where all of it learns, and rest where only some blocks do.
    public var outerRate: Double?

    /// The learning rate of a parameter of the part; 0 if it rests.
    /// - Parameters:
    ///   - layer: its block, nil outside the blocks.
    ///   - count: how many blocks the part has.
    /// - Returns: the rate before the schedule's factor.
    func rate(ofLayer layer: Int?, of count: Int) -> Double {
      switch (layers, layer) {
      case (.all, nil): outerRate ?? rate
      case (_, nil): outerRate ?? 0
      case (.all, _): rate
      case (.first(let learnt), let layer?): layer < learnt ? rate : 0
      case (.last(let learnt), let layer?): layer >= count - learnt ? rate : 0
      }
    }
  }

  /// Small learnt matrices beside frozen weights.
  public struct LoRA: Sendable, Equatable {
    /// The inner width.
    public var rank: Int
    /// The product is scaled by alpha / rank.
    public var alpha: Double
    /// The last components of the names of the maps that get one.
    public var targets: [String]
  }

  /// How the learning rate goes.
  public struct ScheduleShape: Sendable, Equatable {
    /// What follows the warm-up.
    public enum Shape: String, Sendable, CaseIterable {
      /// The full rate to the end.
      case constant
      /// A straight line down to the floor.
      case linear
      /// Half a cosine down to the floor.
      case cosine
    }
    /// What follows the warm-up.
    public var shape = Shape.cosine
    /// Steps in which the rate rises from near 0 to its full height.
    public var warmup = 0
    /// Where the rate ends, as a share of the full rate.
    public var floor = 0.0
    /// How many steps it takes to get there, whatever the run's own length; nil for as many as the run has.
    public var steps: Int?

    /// A schedule; without arguments half a cosine down to 0, without warm-up, over the whole run.
    public init(shape: Shape = .cosine, warmup: Int = 0, floor: Double = 0, steps: Int? = nil) {
      self.shape = shape
      self.warmup = warmup
      self.floor = floor
      self.steps = steps
    }
  }

  /// AdamW and the clipping before it.
  public struct Optimizer: Sendable, Equatable {
    /// How much of the mean gradient is kept per step.
    public var beta1 = 0.9
    /// How much of the mean squared gradient is kept per step.
    public var beta2 = 0.95
    /// Added to the root of the mean squared gradient.
    public var epsilon = 1e-8
    /// Decoupled weight decay of matrices; norms and biases have none.
    public var decay = 0.1
    /// The gradient's global norm is scaled down to this; nil for no limit.
    public var clip: Double? = 1
  }

  /// How long to train.
  public enum Length: Sendable, Equatable {
    /// So many optimiser steps.
    case steps(Int)
    /// So many passes over the data, which must be finite.
    case epochs(Int)
  }

  /// What to do with a sample that is longer than a sequence.
  public enum Truncation: String, Sendable, CaseIterable {
    /// It is left out, counted and named.
    case drop
    /// Its beginning is kept, if that does not cut an image and something supervised is left.
    case end
  }

  /// What to do with a sample that cannot be read.
  public enum BadSamples: String, Sendable, CaseIterable {
    /// Training stops with its name, after a snapshot.
    case stop
    /// It is left out, counted and named.
    case skip
  }

  /// In which order a file's samples come.
  public enum Order: Sendable, Equatable {
    /// As they are stored.
    case stored
    /// In another random order each time round.
    case random
    /// Random within windows of so many neighbours, for storage where jumping is slow.
    case windows(Int)
  }

  /// How samples are put together.
  public struct Batch: Sendable, Equatable {
    /// Places of a packed sequence at most.
    public var tokens = 4096
    /// Packed sequences per step.
    public var accumulate = 1
    /// Patches of images in a packed sequence at most, which bounds the encoder's memory; nil for no limit.
    public var patches: Int?
    /// Samples in a packed sequence at most; nil for no limit.
    public var samples: Int?
    /// What to do with a sample that is longer than a sequence.
    public var truncation = Truncation.drop
    /// What to do with a sample that cannot be read.
    public var badSamples = BadSamples.stop
    /// Which blocks' activations are computed again instead of kept.
    public var checkpointing = ActivationCheckpointing.none
  }

  /// One source of samples.
  public struct Data: Sendable, Equatable {
    /// Where samples come from.
    public enum Source: Sendable, Equatable {
      /// A file, or several by a pattern.
      case file(String)
      /// Tasks that draw their samples, such as `scenes=2,lines`.
      case synth(String)
    }
    /// Where samples come from.
    public var source: Source
    /// How often it is drawn from, relative to the others.
    public var weight = 1.0
    /// The form of a file; nil to go by its name and content.
    public var format: String?
    /// What relative paths of images start from; nil for the file's directory.
    public var media: String?
    /// Least area of an image, in pixels; nil for the checkpoint's.
    public var minPixels: Int?
    /// Largest area of an image, in pixels; nil for the checkpoint's.
    public var maxPixels: Int?
    /// In which order a file's samples come.
    public var order = Order.random
    /// How hard drawn samples are, 0...1.
    public var difficulty = 1.0
    /// Where the sides of drawn pictures lie, in pixels; nil for the tasks' own choice.
    public var sides: ClosedRange<Int>?
    /// How many frames drawn clips have; nil for what the difficulty says.
    public var frames: ClosedRange<Int>?
    /// Where the recipe says so, for errors.
    public var place = ""

    /// Whether both say the same, wherever it is written.
    public static func == (a: Data, b: Data) -> Bool {
      var (a, b) = (a, b)
      (a.place, b.place) = ("", "")
      return a.settings == b.settings
    }
  }

  /// Measuring the loss on samples that are not trained on.
  public struct Evaluation: Sendable, Equatable {
    /// Steps from one evaluation to the next.
    public var every: Int
    /// How many samples.
    public var samples: Int
    /// Where they come from; synthetic tasks draw from seeds that training never uses.
    public var data: [Data]
  }

  /// When the state is saved.
  public struct Snapshots: Sendable, Equatable {
    /// Steps from one snapshot to the next.
    public var every = 500
    /// How many of the last ones stay; the best stays as well.
    public var keep = 3
  }

  /// The types that the resulting checkpoint can have.
  public enum OutputType: String, Sendable, CaseIterable {
    /// 16 bits.
    case bfloat16
    /// 32 bits: exactly what was trained.
    case float32
  }

  /// What the run is called.
  public var name: String
  /// What every random choice follows from.
  public var seed: UInt64
  /// What the weights are at first.
  public var start: Start
  /// Values that take the place of those in the starting point's `config.json`, such as another `rope_theta`; what they
  /// say of sizes must fit its weights. The result's `config.json` has them.
  public var config = JSONObject()
  /// How each part learns; a part that is missing does not.
  public var learn: [ModelPart: Part]
  /// Adapters instead of the parts' own weights.
  public var lora: LoRA?
  /// How the learning rate goes.
  public var schedule: ScheduleShape
  /// The optimiser.
  public var optimizer: Optimizer
  /// How long to train.
  public var length: Length
  /// How samples are put together.
  public var batch: Batch
  /// What is trained on.
  public var data: [Data]
  /// The held-out measurement, if there is one.
  public var evaluation: Evaluation?
  /// When the state is saved.
  public var snapshots: Snapshots
  /// The type of the resulting checkpoint.
  public var output: OutputType
}

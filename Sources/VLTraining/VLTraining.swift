/// Training: data, optimiser, trainer, snapshots.
public enum VLTraining {}

"""Names of ImageNet's official files."""

TRAIN_TAR = "ILSVRC2012_img_train.tar"
VAL_TAR = "ILSVRC2012_img_val.tar"
# What says the classes of the validation images: a text, or the devkit.
TEXTS = ("imagenet_2012_validation_synset_labels.txt", "ILSVRC2012_validation_synsets.txt", "LOC_val_solution.csv")
DEVKIT = "ILSVRC2012_devkit_t12"
META = f"{DEVKIT}/data/meta.mat"
TRUTH = f"{DEVKIT}/data/ILSVRC2012_validation_ground_truth.txt"

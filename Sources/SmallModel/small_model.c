#include "small_model.h"

// SwiftPM puts a target's resources beside the program, into PACKAGE_TARGET.resources.
const char *const small_model_resource = "swift-vlm_SmallModel.resources/small";

// The model that comes with the package, as a resource of this target: `small/` in the published form. It is a C target
// because a Swift one with resources would bring all of Foundation in.
#ifndef SMALL_MODEL_H
#define SMALL_MODEL_H

/// Where the model's directory lies, relative to the directory of the program that was built with the package.
extern const char *const small_model_resource;

#endif

// Every intermediate tensor of one forward pass, by name (see generate/trace.h), from a request as a session gets it.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "generate/session.h"

namespace molmo::api {

std::map<std::string, at::Tensor> trace(const generate::LoadedModel& model, const generate::Request& request);

}  // namespace molmo::api

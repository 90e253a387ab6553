// What the handles of the public interface hold.
#pragma once

#include <memory>

#include "generate/session.h"
#include "image/image.h"
#include "molmo/image.h"
#include "molmo/model.h"
#include "molmo/point.h"

namespace molmo {

struct Image::Impl {
  image::Image image;
};

struct Model::Impl {
  std::shared_ptr<const generate::LoadedModel> loaded;
};

namespace api {

Point to_public(const generate::AnswerPoint& point);

}  // namespace api

}  // namespace molmo

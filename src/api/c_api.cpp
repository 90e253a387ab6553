// The C interface over the C++ one. Every function catches everything: no exception may cross into C.
#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "base/error.h"
#include "molmo/molmo.h"
#include "molmo/molmo.hpp"

struct molmo_model {
  molmo::Model model;
};
struct molmo_image {
  molmo::Image image;
};
struct molmo_session {
  molmo::Session session;
};
struct molmo_answer {
  molmo::Answer answer;
};

namespace {

using molmo::ErrorCategory;
using molmo::fail;

// A fixed buffer: reporting that memory ran out must not need any.
constexpr size_t kMaxErrorBytes = 4096;
thread_local char last_error[kMaxErrorBytes] = "";

void set_last_error(const char* text) {
  const size_t size = std::min(std::strlen(text), kMaxErrorBytes - 1);
  std::memcpy(last_error, text, size);
  last_error[size] = '\0';
}

molmo_status status_of(ErrorCategory category) {
  switch (category) {
    case ErrorCategory::InvalidArgument:
      return MOLMO_INVALID_ARGUMENT;
    case ErrorCategory::NotFound:
      return MOLMO_NOT_FOUND;
    case ErrorCategory::BadData:
      return MOLMO_BAD_DATA;
    case ErrorCategory::Unsupported:
      return MOLMO_UNSUPPORTED;
    case ErrorCategory::Io:
      return MOLMO_IO;
    case ErrorCategory::OutOfMemory:
      return MOLMO_OUT_OF_MEMORY;
    case ErrorCategory::Internal:
      return MOLMO_INTERNAL;
  }
  return MOLMO_INTERNAL;
}

template <class Work>
molmo_status protect(Work&& work) noexcept {
  try {
    work();
    return MOLMO_OK;
  } catch (const molmo::Error& error) {
    set_last_error(error.what());
    return status_of(error.category());
  } catch (const std::bad_alloc&) {
    set_last_error("out of memory");
    return MOLMO_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    set_last_error(error.what());
    return MOLMO_INTERNAL;
  } catch (...) {
    set_last_error("internal error: unknown exception");
    return MOLMO_INTERNAL;
  }
}

void require(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(ErrorCategory::InvalidArgument, "argument '{}' is NULL", name);
}

// What the caller compiled against, filled up with the defaults of fields that it does not know yet.
template <class Options>
Options known_part(const Options* given, const Options& defaults, const char* name) {
  if (given == nullptr) return defaults;
  if (given->size < sizeof(size_t) || given->size > sizeof(Options) * 16) {
    fail(ErrorCategory::InvalidArgument, "{}: its size is {}. Hint: initialise it with the _INIT macro of its type",
         name, given->size);
  }
  Options result = defaults;
  std::memcpy(&result, given, std::min(given->size, sizeof(Options)));
  return result;
}

const char* or_empty(const char* text) {
  return text == nullptr ? "" : text;
}

molmo::GenerationOptions to_cpp(const molmo_generation_options* given) {
  const auto options = known_part(given, molmo_generation_options MOLMO_GENERATION_OPTIONS_INIT, "generation options");
  molmo::GenerationOptions result;
  result.max_new_tokens = options.max_new_tokens;
  result.temperature = options.temperature;
  result.top_k = options.top_k;
  result.top_p = options.top_p;
  result.min_p = options.min_p;
  result.seed = options.seed;
  result.num_beams = options.num_beams;
  return result;
}

molmo::OnText stream_to(molmo_on_text on_text, void* user_data) {
  if (on_text == nullptr) return {};
  return [=](std::string_view text) { return on_text(text.data(), text.size(), user_data) != 0; };
}

}  // namespace

const char* molmo_version(void) {
  return MOLMO_VERSION;
}
const char* molmo_last_error(void) {
  return last_error;
}

molmo_status molmo_model_load(const char* folder, const molmo_model_options* options, molmo_model** out) {
  return protect([&] {
    require(out, "out");
    *out = nullptr;
    require(folder, "folder");
    const auto known = known_part(options, molmo_model_options MOLMO_MODEL_OPTIONS_INIT, "model options");
    molmo::ModelOptions result;
    result.dtype = or_empty(known.dtype);
    if (known.device != nullptr) result.device = known.device;
    result.adapter = or_empty(known.adapter);
    result.max_context_tokens = known.max_context_tokens;
    *out = new molmo_model{molmo::Model::load(folder, result)};
  });
}

void molmo_model_free(molmo_model* model) {
  delete model;
}

molmo_status molmo_set_compute_threads(int count) {
  return protect([&] { molmo::set_compute_threads(count); });
}

molmo_status molmo_image_read(const char* path, molmo_image** out) {
  return protect([&] {
    require(out, "out");
    *out = nullptr;
    require(path, "path");
    *out = new molmo_image{molmo::Image::read(path)};
  });
}

molmo_status molmo_image_decode(const void* bytes, size_t num_bytes, molmo_image** out) {
  return protect([&] {
    require(out, "out");
    *out = nullptr;
    require(bytes, "bytes");
    *out = new molmo_image{molmo::Image::decode(bytes, num_bytes)};
  });
}

molmo_status molmo_image_from_rgb(int64_t height, int64_t width, const uint8_t* pixels, molmo_image** out) {
  return protect([&] {
    require(out, "out");
    *out = nullptr;
    *out = new molmo_image{molmo::Image::from_rgb(height, width, pixels)};
  });
}

int64_t molmo_image_height(const molmo_image* image) {
  return image == nullptr ? 0 : image->image.height();
}
int64_t molmo_image_width(const molmo_image* image) {
  return image == nullptr ? 0 : image->image.width();
}
void molmo_image_free(molmo_image* image) {
  delete image;
}

molmo_status molmo_session_create(const molmo_model* model, molmo_session** out) {
  return protect([&] {
    require(out, "out");
    *out = nullptr;
    require(model, "model");
    *out = new molmo_session{molmo::Session(model->model)};
  });
}

void molmo_session_free(molmo_session* session) {
  delete session;
}

molmo_status molmo_session_reset(molmo_session* session) {
  return protect([&] {
    require(session, "session");
    session->session.reset();
  });
}

molmo_status molmo_session_ask(molmo_session* session, const molmo_request* request,
                               const molmo_generation_options* options, molmo_on_text on_text, void* user_data,
                               molmo_answer** out) {
  return protect([&] {
    require(out, "out");
    *out = nullptr;
    require(session, "session");
    require(request, "request");
    const auto known = known_part(request, molmo_request MOLMO_REQUEST_INIT, "request");
    require(known.prompt, "request.prompt");
    if (known.num_images > 0) require(known.images, "request.images");
    molmo::Request question(known.prompt);
    question.style = or_empty(known.style);
    for (size_t i = 0; i < known.num_images; ++i) {
      require(known.images[i], "request.images[i]");
      question.images.push_back(known.images[i]->image);
    }
    const molmo::OnText stream = stream_to(on_text, user_data);
    const molmo::GenerationOptions generation = to_cpp(options);
    *out = new molmo_answer{known.continues != 0 ? session->session.ask_next(question, generation, stream)
                                                 : session->session.ask(question, generation, stream)};
  });
}

molmo_status molmo_session_point(molmo_session* session, const char* what, const molmo_image* image,
                                 molmo_on_text on_text, void* user_data, molmo_answer** out) {
  return protect([&] {
    require(out, "out");
    *out = nullptr;
    require(session, "session");
    require(what, "what");
    require(image, "image");
    *out = new molmo_answer{session->session.ask_to_point(what, image->image, stream_to(on_text, user_data))};
  });
}

const char* molmo_answer_text(const molmo_answer* answer) {
  return answer == nullptr ? "" : answer->answer.text.c_str();
}

molmo_finish_reason molmo_answer_finish_reason(const molmo_answer* answer) {
  if (answer == nullptr) return MOLMO_FINISH_CANCELLED;
  switch (answer->answer.finish_reason) {
    case molmo::FinishReason::Length:
      return MOLMO_FINISH_LENGTH;
    case molmo::FinishReason::Cancelled:
      return MOLMO_FINISH_CANCELLED;
    default:
      return MOLMO_FINISH_STOP;
  }
}

int64_t molmo_answer_num_tokens(const molmo_answer* answer) {
  return answer == nullptr ? 0 : static_cast<int64_t>(answer->answer.tokens.size());
}

size_t molmo_answer_num_points(const molmo_answer* answer) {
  return answer == nullptr ? 0 : answer->answer.points.size();
}

molmo_status molmo_answer_point(const molmo_answer* answer, size_t index, molmo_point* out) {
  return protect([&] {
    require(out, "out");
    require(answer, "answer");
    const auto& points = answer->answer.points;
    if (index >= points.size())
      fail(ErrorCategory::InvalidArgument, "point {} of an answer with {}", index, points.size());
    if (out->size < sizeof(size_t))
      fail(ErrorCategory::InvalidArgument, "point: its size is {}. Hint: molmo_point point = MOLMO_POINT_INIT",
           out->size);
    const molmo::Point& point = points[index];
    const molmo_point full{out->size,           point.x,           point.y,    point.x_px, point.y_px,
                           point.label.c_str(), point.alt.c_str(), point.image};
    std::memcpy(out, &full, std::min(out->size, sizeof(full)));
  });
}

void molmo_answer_free(molmo_answer* answer) {
  delete answer;
}

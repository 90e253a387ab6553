#include "base/json.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace molmo {
namespace {

// Refuses what the plain parser would accept silently: duplicate keys, and nesting that exhausts the stack.
class Guard {
 public:
  Guard(std::string_view source, int max_depth) : source_(source), max_depth_(max_depth) {}

  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    switch (event) {
      case Json::parse_event_t::object_start:
        keys_.emplace_back();
        check_depth(depth);
        break;
      case Json::parse_event_t::array_start: check_depth(depth); break;
      case Json::parse_event_t::object_end: keys_.pop_back(); break;
      case Json::parse_event_t::key: {
        auto key = parsed.get<std::string>();
        if (!keys_.back().insert(key).second) fail(ErrorCategory::BadData, "{}: key '{}' appears twice in one object", source_, key);
        break;
      }
      default: break;
    }
    return true;
  }

 private:
  void check_depth(int depth) const {
    if (depth > max_depth_) fail(ErrorCategory::BadData, "{}: JSON is nested deeper than {} levels", source_, max_depth_);
  }

  std::string_view source_;
  int max_depth_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

Json parse_json(std::string_view text, std::string_view source, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    fail(ErrorCategory::BadData, "{}: {} bytes of JSON, at most {} are read", source, text.size(), limits.max_bytes);
  }
  try {
    return Json::parse(text, Guard(source, limits.max_depth));
  } catch (const Json::exception& error) {
    fail(ErrorCategory::BadData, "{}: not valid JSON: {}", source, error.what());
  }
}

Json read_json_file(const std::filesystem::path& path, const JsonLimits& limits) {
  return parse_json(read_file(path, limits.max_bytes), path.string(), limits);
}

std::string dump_json(const Json& json, bool pretty) {
  return json.dump(pretty ? 2 : -1, ' ', false, Json::error_handler_t::replace);
}

void write_json_file(const std::filesystem::path& path, const Json& json) { write_file_atomic(path, dump_json(json, true) + "\n"); }

}  // namespace molmo

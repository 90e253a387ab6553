#include "base/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace molmo {
namespace {

// Builds the document from the parser's events, because the library's own builder looks through all keys of an object
// for each new one. Refuses what the library would accept silently: duplicate keys, and nesting that exhausts the
// stack.
class DocumentBuilder : public nlohmann::json_sax<Json> {
 public:
  DocumentBuilder(std::string_view source, int max_depth) : source_(source), max_depth_(max_depth) {}

  Json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(int64_t value) override { return add(value); }
  bool number_unsigned(uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string&) override { return add(value); }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(Json::binary_t&) override { return false; }  // not in JSON text
  bool key(std::string& name) override {
    key_ = std::move(name);
    return true;
  }
  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override {
    check_keys(*open_.back());
    open_.pop_back();
    return true;
  }
  bool end_array() override {
    open_.pop_back();
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) override {
    fail(ErrorCategory::BadData, "{}: not valid JSON: {}", source_, error.what());
  }

 private:
  bool add(Json value) {
    put(std::move(value));
    return true;
  }

  bool open(Json container) {
    if (open_.size() > static_cast<size_t>(max_depth_)) {
      fail(ErrorCategory::BadData, "{}: JSON is nested deeper than {} levels", source_, max_depth_);
    }
    open_.push_back(put(std::move(container)));
    return true;
  }

  // Containers that are open do not move: nothing is added to the one around them until they are closed.
  Json* put(Json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &parent.get_ref<Json::object_t&>().emplace_back(std::move(key_), std::move(value)).second;
  }

  void check_keys(const Json& object) const {
    if (object.size() < 2) return;
    std::vector<std::string_view> keys;
    keys.reserve(object.size());
    for (const auto& member : object.get_ref<const Json::object_t&>()) keys.emplace_back(member.first);
    std::ranges::sort(keys);
    if (const auto twice = std::ranges::adjacent_find(keys); twice != keys.end()) {
      fail(ErrorCategory::BadData, "{}: key '{}' appears twice in one object", source_, *twice);
    }
  }

  std::string_view source_;
  int max_depth_;
  Json root_;
  std::vector<Json*> open_;
  std::string key_;
};

}  // namespace

Json parse_json(std::string_view text, std::string_view source, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    fail(ErrorCategory::BadData, "{}: {} bytes of JSON, at most {} are read", source, text.size(), limits.max_bytes);
  }
  DocumentBuilder builder(source, limits.max_depth);
  Json::sax_parse(text, &builder);
  return builder.take();
}

Json read_json_file(const std::filesystem::path& path, const JsonLimits& limits) {
  return parse_json(read_file(path, limits.max_bytes), path.string(), limits);
}

std::string dump_json(const Json& json, bool pretty) {
  return json.dump(pretty ? 2 : -1, ' ', false, Json::error_handler_t::replace);
}

void write_json_file(const std::filesystem::path& path, const Json& json) {
  write_file_atomic(path, dump_json(json, true) + "\n");
}

}  // namespace molmo

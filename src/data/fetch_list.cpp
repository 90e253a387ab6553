#include "data/fetch_list.h"

#include <cstdint>

#include "data/numpy_shuffle.h"
#include "data/sha256.h"

namespace molmo::data {

std::string picture_file_name(std::string_view url) {
  return sha256_hex(url);
}

void FetchList::add(std::string_view url, std::string_view sha256, std::string_view licence) {
  auto found = items_.find(url);
  if (found == items_.end()) found = items_.emplace(url, Facts{}).first;
  if (!sha256.empty()) found->second.sha256 = sha256;
  if (!licence.empty()) found->second.licence = licence;
}

std::vector<FetchItem> FetchList::sorted() const {
  std::vector<FetchItem> items;
  items.reserve(items_.size());
  for (const auto& [url, facts] : items_) items.push_back({url, facts.sha256, facts.licence});
  return items;
}

std::vector<FetchItem> FetchList::shuffled() const {
  constexpr uint32_t kSeed = 58713;
  std::vector<FetchItem> items = sorted();
  numpy_shuffle(items, kSeed);
  return items;
}

}  // namespace molmo::data

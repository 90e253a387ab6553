// Which pictures a data set names: distinct URLs with what the rows say about them.
//   FetchList list;
//   for (row of the tables) list.add(row.image_url, row.image_sha256, row.license);
//   for (const FetchItem& item : list.shuffled()) ...
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace molmo::data {

struct FetchItem {
  std::string url;
  std::string sha256;   // of the picture's bytes, "" when the set does not tell
  std::string licence;  // as the set words it, "" when it does not tell
};

// Name of a picture's file: SHA-256 of the URL's text, as the reference names it (data/download_urls.py).
std::string picture_file_name(std::string_view url);

class FetchList {
 public:
  // Of rows with the same URL, the last one that gives a hash or a licence decides about it, as in the reference.
  void add(std::string_view url, std::string_view sha256 = "", std::string_view licence = "");

  size_t size() const { return items_.size(); }

  // Sorted by URL.
  std::vector<FetchItem> sorted() const;
  // In the reference's order: sorted, then shuffled by numpy.random.RandomState(58713). Mixes the hosts, and is the
  // same in every run, so that the first n are the same pictures.
  std::vector<FetchItem> shuffled() const;

 private:
  struct Facts {
    std::string sha256, licence;
  };
  std::map<std::string, Facts, std::less<>> items_;
};

}  // namespace molmo::data

// molmo data fetch NAME --from PARQUET_DIR
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "cli/flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "config/quirks.h"
#include "data/fetch.h"
#include "data/fetch_set.h"
#include "data/pixmo_records.h"

namespace molmo::cli {
namespace {

class DataFetch final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Downloads the pictures that the tables of a PixMo set name, many hosts at a time and few requests to each. "
        "Each picture is decoded once, compared with the set's SHA-256 where it has one, and only then kept. Many old "
        "addresses are dead: failures are listed by cause and not asked for again, unless --retry-failed says so. An "
        "interrupted fetch goes on where it was.");
    flags.examples(
        "# the pictures of PixMo-Points, into images/ beside its tables\n"
        "molmo data fetch pixmo_points --from pixmo-points\n"
        "# the first thousand of PixMo-Cap, to look at\n"
        "molmo data fetch pixmo_cap --from pixmo-cap --limit 1000\n"
        "# a month later\nmolmo data fetch pixmo_cap --from pixmo-cap --retry-failed\n");
    flags.add_option("NAME", name_, "data set of PixMo, as `molmo data list` names it").required().group("Arguments");
    flags.add_option("--from", path_, "folder with the parquet files of the set").type_name("DIR").required();
    flags.add_option("--out", out_, "folder for images/ and the lists; without it, the folder of the set")
        .type_name("DIR");
    add_number(flags, "-j,--jobs", options_.max_connections, "downloads at a time", 1, 4096);
    add_number(flags, "--per-host", options_.hosts.max_per_host, "downloads at a time from one host", 1, 256);
    add_number(flags, "--attempts", options_.max_attempts, "requests for a picture while its host is overloaded", 1,
               100);
    flags
        .add_option("--limit", options_.max_items, "pictures to fetch, in an order that is the same every time; 0: all")
        .type_name("N")
        .shows_default();
    flags.add_option("--timeout", timeout_s_, "longest download").type_name("SECONDS").range(1, 3600).shows_default();
    flags.add_option("--max-image-mib", max_mebibytes_, "refuse larger picture files")
        .type_name("MIB")
        .range(1, 1024)
        .shows_default();
    flags.add_option("--max-image-mpx", max_megapixels_, "refuse pictures with more megapixels")
        .type_name("N")
        .range(1, 1024)
        .shows_default();
    flags.add_option("--user-agent", options_.http.user_agent, "how to introduce oneself to servers")
        .type_name("TEXT")
        .shows_default();
    flags
        .add_option("--allow-host", options_.http.allowed_hosts,
                    "HOST or HOST:PORT to contact although its address is not public")
        .type_name("HOST")
        .takes_one();
    flags.add_flag("--retry-failed", options_.retries_failed, "ask again for what failed in earlier runs");
    flags.add_flag("--no-hashes", ignores_hashes_, "keep pictures that are not those that the set means");
    flags.add_enum("--quirks", options_.rules.quirks, "what is kept: whole pictures, or what the reference keeps");
    flags.add_flag("--json", is_json_, "print the report as a JSON document");
  }

  int run() override {
    const data::DatasetEntry& set = data::find_dataset(name_);
    const data::FetchSet wanted = data::read_fetch_set(set, path_);
    options_.http.total_timeout = std::chrono::seconds(timeout_s_);
    options_.http.max_body_bytes = max_mebibytes_ << 20;
    options_.rules.limits.max_pixels = max_megapixels_ << 20;
    options_.checks_hashes = wanted.has_hashes && !ignores_hashes_;
    const std::filesystem::path out = out_.empty() ? data::set_folder({.name = name_, .path = path_}) : out_;
    const data::FetchReport report = data::fetch_pictures(wanted.list, out, options_);
    if (is_json_) {
      fmt::print("{}\n", dump_json(report.json(), /*pretty=*/true));
      return kExitDone;
    }
    fmt::print("{} rows name {} pictures\n{}", wanted.num_rows, wanted.list.size(), report.text());
    fmt::print("lists: {0}/images.jsonl, {0}/failures.jsonl\n", out.string());
    return kExitDone;
  }

 private:
  static void add_number(Flags& flags, const std::string& flag, int& value, const std::string& text, int least,
                         int most) {
    flags.add_option(flag, value, text).type_name("N").range(least, most).shows_default();
  }

  std::string name_;
  std::filesystem::path path_, out_;
  int timeout_s_ = 60;
  uint64_t max_mebibytes_ = 20, max_megapixels_ = 64;
  bool ignores_hashes_ = false, is_json_ = false;
  data::FetchOptions options_;
};

}  // namespace

std::unique_ptr<Verb> make_data_fetch() {
  return std::make_unique<DataFetch>();
}

}  // namespace molmo::cli

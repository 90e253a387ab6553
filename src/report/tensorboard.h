// Event files that TensorBoard and its kin read: scalars over steps.
//   keep_events_until(folder, /*last_step=*/400);   // after a resume: what will be computed again goes
//   EventWriter events(folder, /*first_step=*/401);
//   events.add(401, {{"loss/cross_entropy", 2.31}});
// A file is a row of TFRecords (length, masked CRC-32C of the length, data, masked CRC-32C of the data), each holding a
// protobuf `Event` (tensorflow/core/util/event.proto) with simple values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace molmo::report {

struct Scalar {
  std::string tag;
  double value;  // stored as float
};

class EventWriter {
 public:
  // Begins a new file in `folder`, which is created. Throws Io.
  EventWriter(const std::filesystem::path& folder, int64_t first_step);
  ~EventWriter();
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  // Written at once: a process that is killed leaves whole records, or one torn at the end that readers leave out.
  void add(int64_t step, std::span<const Scalar> scalars);

 private:
  void write_record(std::string_view event);
  std::filesystem::path path_;
  int descriptor_ = -1;
};

struct Event {
  double wall_time = 0;
  int64_t step = 0;
  std::string file_version;  // of the first event of a file
  std::vector<Scalar> scalars;
};

// All events of one file, up to the first record that is torn or damaged.
struct EventFile {
  std::vector<Event> events;
  std::vector<uint64_t> ends;  // of each event in the file, bytes
  uint64_t num_bytes = 0;
};
EventFile read_events(const std::filesystem::path& path);

// Cuts every event file of a folder before the first event with scalars of a later step; files without any left go.
void keep_events_until(const std::filesystem::path& folder, int64_t last_step);

// CRC-32C (Castagnoli) as TFRecords mask it.
uint32_t masked_crc32c(std::string_view bytes);

}  // namespace molmo::report

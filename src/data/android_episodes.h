// The published files of AndroidControl, unpacked: examples are taken in any order, and compressed files can only be
// read from front to back.
//   for (const UnpackedFile& file : unpack_episodes("data/android_control")) ...
// For each `android_control-00000-of-00020` two files come to be in the folder `unpacked`: `.jsonl` has a row for each
// step, `.screens` the screenshots one after the other. This takes minutes and as much disk as the pictures (47 GB for
// the whole set) and happens once; afterwards the published files are not read again. A file is complete or not there,
// so an interrupted run goes on where it stopped.
// Columns of a row: episode_id, step, hl_instruction, ll_instruction, target_action, target_box, screen_offset,
// screen_bytes; and app_box for "Open App", the box that the reference misses (data/android_action.h).
#pragma once

#include <filesystem>
#include <vector>

namespace molmo::data {

struct UnpackedFile {
  std::filesystem::path steps, screens;
};

// Throws NotFound where a file of the set is missing, and BadData, naming file and record, for damaged ones.
std::vector<UnpackedFile> unpack_episodes(const std::filesystem::path& folder);

}  // namespace molmo::data

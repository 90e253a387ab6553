// Ranks as threads of one process that meet over the loopback device, for tests of what ranks compute together.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "dist/process_group.h"

namespace molmo::test {

// A port that nobody uses.
inline uint16_t next_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(descriptor, generic, size) != 0 || ::getsockname(descriptor, generic, &size) != 0)
    throw std::runtime_error("no port");
  ::close(descriptor);
  return ntohs(address.sin_port);
}

// An exception of a rank is a failure of the test, and ends the others.
inline void run_ranks(int64_t num_ranks, const std::function<void(const std::shared_ptr<dist::ProcessGroup>&)>& work) {
  const uint16_t port = next_port();
  // They live until all ranks have ended: one that leaves early would cut off another that is still connecting.
  std::vector<std::shared_ptr<dist::ProcessGroup>> groups(static_cast<size_t>(num_ranks));
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < num_ranks; ++rank) {
    threads.emplace_back([&, rank] {
      std::shared_ptr<dist::ProcessGroup>& group = groups[static_cast<size_t>(rank)];
      try {
        group = dist::ProcessGroup::join(
            {.rank = rank, .num_ranks = num_ranks, .local_rank = rank, .num_local_ranks = num_ranks, .port = port});
        work(group);
      } catch (const std::exception& error) {
        ADD_FAILURE() << "rank " << rank << ": " << error.what();
        if (group) group->report_failure(error.what());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  while (!groups.empty()) groups.pop_back();  // the first rank, where the others meet, waits until they have left
}

}  // namespace molmo::test

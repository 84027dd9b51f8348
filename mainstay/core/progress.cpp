#include "mainstay/core/progress.hpp"

#include <algorithm>

namespace mainstay::core {

const char* name_of(progress_state state) {
  switch (state) {
    case progress_state::probe:
      return "probe";
    case progress_state::replicate:
      return "replicate";
    case progress_state::snapshot:
      return "snapshot";
  }
  return "unnamed";
}

void progress::become_probe() {
  state = progress_state::probe;
  next_index = match_index.next();
  probe_sent = false;
  in_flight.clear();
  in_flight_bytes = 0;  // both counts go together: one left behind stalls the peer for good
  transfer.reset();
}

void progress::become_replicate() {
  become_probe();
  state = progress_state::replicate;
}

void progress::become_snapshot() {
  become_probe();
  state = progress_state::snapshot;
}

void progress::sent(log_index last_index, std::uint64_t bytes) {
  if (state == progress_state::probe) {
    probe_sent = true;
    return;
  }
  next_index = last_index.next();
  in_flight.push_back({last_index, bytes});
  in_flight_bytes += bytes;
}

bool progress::acknowledge(log_index index) {
  while (!in_flight.empty() && in_flight.front().last_index <= index) {
    in_flight_bytes -= in_flight.front().bytes;
    in_flight.pop_front();
  }
  next_index = std::max(next_index, index.next());
  if (index <= match_index) return false;
  match_index = index;
  return true;
}

}  // namespace mainstay::core

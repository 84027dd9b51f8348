/// The calls to one peer that wait for their response, found by call id in constant time. It sends
/// nothing and completes nothing itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "mainstay/base/time.hpp"
#include "mainstay/seams/network.hpp"

namespace mainstay::tcp {

/// One call that waits.
struct pending_call {
  call_done done;
  instant deadline;
  std::size_t bytes = 0;    ///< of its request
  std::size_t request = 0;  ///< position in rpc_request, and of the right answer in rpc_response
};

/// A table of slots. An id is a slot's number and the count of its uses (48 bits), so that a late
/// response never finds another call (hazard 109).
class call_table {
 public:
  /// Precondition: fewer than 65,536 calls are open.
  std::uint64_t open(pending_call call);
  /// Whether the call still waits.
  bool waits(std::uint64_t id) const { return find(id) != nullptr; }
  /// Takes a call out; nothing when it is not there, or no more.
  std::optional<pending_call> close(std::uint64_t id);
  /// Takes out every call whose deadline has passed. Looks at every slot: call it once per deadline
  /// that passes, not once per call.
  std::vector<pending_call> close_expired(instant now);
  std::vector<pending_call> close_all();

  /// The earliest deadline; none without calls. Looks at every slot.
  std::optional<instant> earliest_deadline() const;
  /// Calls that wait.
  std::size_t size() const { return size_; }
  /// Bytes of their requests.
  std::size_t bytes() const { return bytes_; }

 private:
  struct slot {
    std::optional<pending_call> call;
    std::uint64_t uses = 0;
  };

  const slot* find(std::uint64_t id) const;
  pending_call take(std::size_t number);
  template <class Condition>
  std::vector<pending_call> close_if(Condition condition);

  std::vector<slot> slots_;
  std::vector<std::uint16_t> free_;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace mainstay::tcp

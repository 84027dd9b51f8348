/// The cheap companion of the judge: finds stale reads while a run goes on, without any search. It
/// speaks only of keys to which every write brings a value of its own; what it does not see, the
/// judge of the whole history does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>

#include "mainstay/simulation/history.hpp"

namespace mainstay::simulation {

/// A read sees at least what was acknowledged, or read by anyone, before it began. It follows the
/// operations get, set, set_if_…, get_and_set; a key that sees another one, or a value twice, is
/// left alone from then on. Throws `violation` (linearizability).
class online_reads {
 public:
  /// An operation begins. `number` is its own among those that are open.
  void begin(std::size_t number, const client_operation& o);
  /// It ends, with its result and outcome.
  void finish(std::size_t number, const client_operation& o);

 private:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  static constexpr std::int64_t always = std::numeric_limits<std::int64_t>::min();

  struct write {
    std::int64_t start = 0;
    std::int64_t end = never;  // while it is under way or unknown
    bool has_failed = false;   // it took no effect
  };
  struct register_record {
    std::unordered_map<std::string, write> writes;  // by value
    std::int64_t floor = always;  // when the newest write began that is known to be in effect
    bool is_followed = true;
  };

  static void check_read(const client_operation& o, std::int64_t floor, register_record& key);

  std::unordered_map<std::string, register_record> keys_;
  std::unordered_map<std::size_t, std::int64_t> floors_;  // of open operations, at their beginning
};

}  // namespace mainstay::simulation

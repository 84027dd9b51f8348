/// Random RPCs of every kind and shape for RapidCheck, the unlikely ones (index 0, backward times,
/// huge ids) included. Used by the suites of serializers and by whoever sends RPCs around.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <rapidcheck.h>

#include "mainstay/base/random.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/seams/rpc.hpp"

namespace mainstay::conformance {

/// Ids of all sizes: small ones, arbitrary ones and the largest.
inline rc::Gen<std::uint64_t> any_number() {
  return rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 300),
                        rc::gen::arbitrary<std::uint64_t>(),
                        rc::gen::element<std::uint64_t>(0, ~0ULL, ~0ULL - 1, 1ULL << 63));
}

/// An id of one kind.
template <class Id>
Id any_id() {
  return Id(*any_number());
}

inline bool any_bool() { return *rc::gen::arbitrary<bool>(); }

/// Bytes, now and then longer than what serializers copy.
inline shared_bytes any_payload() {
  const bool large = *rc::gen::inRange(0, 8) == 0;
  const auto size = *rc::gen::inRange<std::size_t>(0, large ? 3000 : 40);
  std::string text(size, '\0');
  random_generator random(*rc::gen::arbitrary<std::uint64_t>());
  for (auto& c : text) c = static_cast<char>(random.next());
  return shared_bytes::copy_of(text);
}

/// The payload of a valid configuration entry.
inline shared_bytes any_configuration() {
  core::configuration c;
  const auto voters = *rc::gen::inRange<std::uint64_t>(1, 6);
  for (std::uint64_t id = 1; id <= voters; ++id) {
    c.voters.push_back({node_id(id), "host" + std::to_string(id) + ":7101"});
  }
  if (any_bool()) c.learners.push_back({node_id(voters + 1), "learner:1"});
  return core::encode(c);
}

/// How regular the entries of a generated append_entries are.
struct entry_shape {
  bool consecutive = any_bool();
  bool one_term = any_bool();
  bool one_time = any_bool();
  bool near_times = any_bool();
  bool all_commands = any_bool();
};

inline core::entry any_entry(const entry_shape& shape, log_index expected, term first_term) {
  core::entry e;
  e.index = shape.consecutive ? expected : any_id<log_index>();
  e.term = shape.one_term ? first_term : any_id<term>();
  if (!shape.one_time) {
    e.time.microseconds = shape.near_times
                              ? 1'700'000'000'000'000 + *rc::gen::inRange<std::int64_t>(0, 1000)
                              : static_cast<std::int64_t>(*any_number());
  }
  if (!shape.all_commands) e.kind = core::entry_kind(*rc::gen::inRange(0, 4));
  const bool configures = e.kind == core::entry_kind::configuration;
  e.payload = configures ? any_configuration() : any_payload();
  return e;
}

inline core::append_entries any_append_entries() {
  core::append_entries m{any_id<term>(),      any_id<log_index>(), any_id<term>(),
                         any_id<log_index>(), *any_number(),       {}};
  const entry_shape shape;
  const auto first_term = any_id<term>();
  auto index = m.prev_log_index;
  for (auto left = *rc::gen::inRange(0, 12); left > 0; --left) {
    index = index.next();
    m.entries.push_back(any_entry(shape, index, first_term));
  }
  return m;
}

inline command_outcome any_outcome() {
  if (any_bool()) return any_payload();
  const auto code = *rc::gen::inRange(0, static_cast<int>(error_code::stale_serial) + 1);
  return std::unexpected(
      error{error_code(code), *rc::gen::string<std::string>(), any_id<node_id>()});
}

inline rpc_request any_request() {
  switch (*rc::gen::inRange(0, 7)) {
    case 0:
      return core::request_vote{any_id<term>(), any_id<log_index>(), any_id<term>(), any_bool(),
                                any_bool()};
    case 1:
      return core::install_snapshot{
          any_id<term>(),
          {any_id<log_index>(), any_id<term>(), *any_number(), *any_number()},
          *any_number(),
          any_payload()};
    case 2:
      return core::timeout_now{any_id<term>()};
    case 3:
      return core::read_index{any_id<term>()};
    case 4: {
      forward_commands m;
      if (any_bool()) m.kind = core::entry_kind::session;
      for (auto n = *rc::gen::inRange(0, 8); n > 0; --n) m.commands.push_back(any_payload());
      return m;
    }
    default:
      return any_append_entries();
  }
}

inline rpc_response any_response() {
  switch (*rc::gen::inRange(0, 6)) {
    case 0:
      return core::request_vote_response{any_id<term>(), any_bool(), any_bool()};
    case 1:
      return core::append_entries_response{any_id<term>(),      any_bool(),     any_id<log_index>(),
                                           any_id<log_index>(), any_id<term>(), any_id<log_index>(),
                                           *any_number(),       *any_number()};
    case 2:
      return core::install_snapshot_response{any_id<term>(), any_bool(), *any_number(),
                                             any_id<log_index>()};
    case 3:
      return core::timeout_now_response{any_id<term>(), any_bool()};
    case 4:
      return core::read_index_response{any_id<term>(), any_bool(), any_id<log_index>()};
    default: {
      forward_commands_response m;
      m.covered_by = any_id<log_index>();
      for (auto n = *rc::gen::inRange(0, 8); n > 0; --n) m.outcomes.push_back(any_outcome());
      return m;
    }
  }
}

}  // namespace mainstay::conformance

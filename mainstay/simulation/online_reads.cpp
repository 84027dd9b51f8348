#include "mainstay/simulation/online_reads.hpp"

#include <algorithm>

#include "mainstay/simulation/checkers/violation.hpp"

namespace mainstay::simulation {

namespace {

bool writes(const client_operation& o) {
  return o.name == "set" || o.name.starts_with("set_if_") || o.name == "get_and_set";
}
bool reads(const client_operation& o) { return o.name == "get" || o.name == "get_and_set"; }

/// Conditional writes answer nil when the condition does not hold.
bool took_effect(const client_operation& o) { return o.result || o.name == "get_and_set"; }

[[noreturn]] void refuse(const client_operation& o, const std::string& why) {
  throw violation(
      property::linearizability, node_id{},
      sentence("client ", o.client, " reads ", o.result ? "\"" + *o.result + "\"" : "nil",
               " of key \"", o.key, "\" from ", o.start, " to ", o.end, ", ", why));
}

}  // namespace

void online_reads::begin(std::size_t number, const client_operation& o) {
  auto& key = keys_[o.key];
  key.is_followed = key.is_followed && (writes(o) || reads(o));
  if (writes(o)) {
    const bool is_new = key.writes.try_emplace(o.argument, write{.start = o.start}).second;
    key.is_followed = key.is_followed && is_new;
  }
  floors_[number] = key.floor;
}

void online_reads::finish(std::size_t number, const client_operation& o) {
  const std::int64_t floor = floors_.at(number);
  floors_.erase(number);
  auto& key = keys_[o.key];
  if (!key.is_followed || o.outcome == operation_outcome::unknown) return;
  if (reads(o) && o.outcome == operation_outcome::done) check_read(o, floor, key);
  if (!writes(o)) return;
  write& written = key.writes.at(o.argument);
  written.has_failed = o.outcome == operation_outcome::refused || !took_effect(o);
  if (written.has_failed) return;
  written.end = o.end;
  key.floor = std::max(key.floor, written.start);
}

void online_reads::check_read(const client_operation& o, std::int64_t floor, register_record& key) {
  if (!o.result) {
    if (floor != always) refuse(o, "after a write was known to be in effect");
    return;
  }
  const auto found = key.writes.find(*o.result);
  if (found == key.writes.end()) refuse(o, "which nobody wrote");
  const write& seen = found->second;
  if (seen.has_failed) refuse(o, "whose write took no effect");
  if (seen.end < floor) {
    refuse(o, sentence("though a write that began at ", floor,
                       " was known to be in effect, after this one had ended at ", seen.end));
  }
  key.floor = std::max(key.floor, seen.start);
}

}  // namespace mainstay::simulation

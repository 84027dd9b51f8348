/// Messages as scenarios spell them: "append_entries term=2 prev=3/1 commit=3 entries=2:x,2:y".
#include <stdexcept>

#include "tests/core/lone_replica.hpp"
#include "tests/core/scenario.hpp"

namespace mainstay::core_test {

namespace {

std::uint64_t to_number(const std::string& text) {
  if (text.empty()) return 0;
  return std::stoull(text);
}

struct place {
  log_index index;
  mainstay::term term;
};

/// "3/1": index 3, term 1.
place place_from(const scenario_command& c, const std::string& option) {
  const std::string text = c.text(option, "0/0");
  const auto slash = text.find('/');
  return {log_index(to_number(text.substr(0, slash))),
          term(slash == std::string::npos ? 0 : to_number(text.substr(slash + 1)))};
}

/// "2:x,2:y" from `first` on; a payload "voters(1,2)" makes a configuration.
std::vector<core::entry> entries_from(const std::string& text, std::uint64_t first) {
  std::vector<core::entry> all;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto end = std::min(text.find(',', at), text.size());
    const std::string one = text.substr(at, end - at);
    const auto colon = std::min(one.find(':'), one.size());
    const std::string payload = colon < one.size() ? one.substr(colon + 1) : "";
    core::entry e = command(first + all.size(), to_number(one.substr(0, colon)), payload);
    if (payload.starts_with("voters")) {
      e.kind = core::entry_kind::configuration;
      e.payload = core::encode(voters(to_number(payload.substr(6))));
    }
    all.push_back(std::move(e));
    at = end + 1;
  }
  return all;
}

core::message append_from(const scenario_command& c) {
  const place prev = place_from(c, "prev");
  return core::append_entries{term(c.number("term", 0)),
                              prev.index,
                              prev.term,
                              log_index(c.number("commit", 0)),
                              c.number("round", 0),
                              entries_from(c.text("entries"), prev.index.value() + 1)};
}

core::message append_response_from(const scenario_command& c) {
  const place conflict = place_from(c, "conflict");
  return core::append_entries_response{term(c.number("term", 0)),
                                       c.flag("success", false),
                                       log_index(c.number("match", 0)),
                                       conflict.index,
                                       conflict.term,
                                       log_index(c.number("rejected", 0)),
                                       c.number("round", 0)};
}

}  // namespace

core::message message_from(const std::string& kind, const scenario_command& c) {
  const term t(c.number("term", 0));
  const place last = place_from(c, "last");
  if (kind == "append_entries") return append_from(c);
  if (kind == "append_response") return append_response_from(c);
  if (kind == "request_vote") {
    return core::request_vote{t, last.index, last.term, false, c.flag("transfer", false)};
  }
  if (kind == "request_pre_vote") return core::request_vote{t, last.index, last.term, true};
  if (kind == "vote_response") return core::request_vote_response{t, c.flag("granted", false)};
  if (kind == "pre_vote_response") {
    return core::request_vote_response{t, c.flag("granted", false), true};
  }
  if (kind == "timeout_now") return core::timeout_now{t};
  if (kind == "timeout_now_response") {
    return core::timeout_now_response{t, c.flag("accepted", false)};
  }
  if (kind == "read_index") return core::read_index{t};
  throw std::invalid_argument("no message kind " + kind);
}

}  // namespace mainstay::core_test

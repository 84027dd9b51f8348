#include "tests/core/describe.hpp"

#include <fmt/format.h>

namespace mainstay::core_test {

namespace {

std::string text(const core::request_vote& m) {
  return fmt::format("{} term {} last {}/{}{}", m.pre_vote ? "request_pre_vote" : "request_vote",
                     m.term.value(), m.last_log_index.value(), m.last_log_term.value(),
                     m.leadership_transfer ? " leadership_transfer" : "");
}

std::string text(const core::request_vote_response& m) {
  return fmt::format("{} term {} {}", m.pre_vote ? "pre_vote_response" : "vote_response",
                     m.term.value(), m.vote_granted ? "granted" : "denied");
}

std::string text(const core::append_entries& m) {
  std::string line = fmt::format("append_entries term {} prev {}/{} commit {} round {}",
                                 m.term.value(), m.prev_log_index.value(), m.prev_log_term.value(),
                                 m.leader_commit.value(), m.round);
  if (!m.entries.empty()) line += " entries";
  for (const auto& e : m.entries) line += fmt::format(" {}/{}", e.index.value(), e.term.value());
  return line;
}

std::string text(const core::append_entries_response& m) {
  const auto promise =
      m.lease_promise == 0 ? std::string() : fmt::format(" promise {}", m.lease_promise);
  if (m.success) {
    return fmt::format("append_response term {} match {} round {}{}", m.term.value(),
                       m.match_index.value(), m.round, promise);
  }
  return fmt::format("append_response term {} rejected {} conflict {}/{} round {}{}",
                     m.term.value(), m.rejected_index.value(), m.conflict_index.value(),
                     m.conflict_term.value(), m.round, promise);
}

std::string text(const core::install_snapshot& m) {
  return fmt::format("install_snapshot term {} last {}/{} offset {}+{} of {}", m.term.value(),
                     m.image.last_included_index.value(), m.image.last_included_term.value(),
                     m.offset, m.data.size(), m.image.size);
}

std::string text(const core::install_snapshot_response& m) {
  if (!m.success) return fmt::format("install_snapshot_response term {} declined", m.term.value());
  if (m.match_index) {
    return fmt::format("install_snapshot_response term {} match {}", m.term.value(),
                       m.match_index.value());
  }
  return fmt::format("install_snapshot_response term {} next {}", m.term.value(), m.next_offset);
}

std::string text(const core::timeout_now& m) {
  return fmt::format("timeout_now term {}", m.term.value());
}

std::string text(const core::timeout_now_response& m) {
  return fmt::format("timeout_now_response term {} {}", m.term.value(),
                     m.accepted ? "accepted" : "declined");
}

std::string text(const core::read_index& m) {
  return fmt::format("read_index term {}", m.term.value());
}

std::string text(const core::read_index_response& m) {
  if (!m.success) return fmt::format("read_index_response term {} refused", m.term.value());
  return fmt::format("read_index_response term {} index {}", m.term.value(), m.index.value());
}

std::string ids(const std::vector<core::member>& members) {
  std::string line;
  for (const auto& m : members) {
    line += (line.empty() ? "" : ",") + std::to_string(m.id.value());
    if (m.promote) line += "+";
  }
  return line;
}

}  // namespace

std::string describe(const core::message& m) {
  return std::visit([](const auto& one) { return text(one); }, m);
}

std::string describe(const core::raft& r) {
  return fmt::format("{} term {} vote {} leader {} last {} stable {} commit {} applied {}",
                     core::name_of(r.role()), r.current_term().value(), r.voted_for().value(),
                     r.leader().value(), r.last_index().value(), r.stable_index().value(),
                     r.commit_index().value(), r.last_applied().value());
}

std::string describe(const core::configuration& c) {
  std::string line = "voters " + ids(c.voters);
  if (c.is_joint()) line += " outgoing " + ids(c.outgoing_voters);
  if (!c.learners.empty()) line += " learners " + ids(c.learners);
  return line;
}

}  // namespace mainstay::core_test

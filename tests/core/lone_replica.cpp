#include "tests/core/lone_replica.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace mainstay::core_test {

std::vector<core::entry> entries_of(std::uint64_t first, const std::vector<std::uint64_t>& terms) {
  std::vector<core::entry> all;
  for (const auto t : terms) all.push_back(command(first + all.size(), t));
  return all;
}

namespace {

core::configuration members_of(const beginning& b) {
  return b.members.voters.empty() ? voters(b.voters) : b.members;
}

}  // namespace

lone_replica::lone_replica(beginning b)
    : twin_(b.settings, members_of(b)), core_(start(b, disk_), &twin_) {}

core::raft lone_replica::start(const beginning& b, simulated_disk& disk) {
  core::hard_state state = b.state;
  if (!b.terms.empty()) state.current_term = std::max(state.current_term, term(b.terms.back()));
  disk.preload(state);
  for (auto& e : entries_of(1, b.terms)) disk.preload(std::move(e));
  core::initial_state initial = disk.recover(b.settings.log_window_bytes);
  initial.id = node_id(1);
  initial.bootstrap = members_of(b);
  initial.seed = 1;
  return core::raft::start(core::valid_config::check(b.settings).value(), std::move(initial),
                           instant{})
      .value();
}

std::vector<core::envelope> lone_replica::receive(std::uint64_t from, core::message m,
                                                  std::uint64_t call) {
  core_.step({node_id(from), core_.id(), call, std::move(m)});
  return carry_out();
}

std::vector<core::envelope> lone_replica::pass(duration span) {
  clock_ += span;
  core_.advance(clock_);
  return carry_out();
}

std::vector<core::envelope> lone_replica::time_out() {
  return pass(std::max(core_.next_deadline() - clock_, duration(0)));
}

std::vector<core::envelope> lone_replica::propose(std::string_view payload) {
  const std::array commands{shared_bytes::copy_of(payload)};
  if (!core_.propose(commands, log_time{})) throw std::logic_error("the proposal was refused");
  return carry_out();
}

std::vector<core::envelope> lone_replica::persist() {
  if (disk_.busy()) core_.persisted(disk_.complete());
  return carry_out();
}

void lone_replica::lead() {
  const bool held = std::exchange(disk_is_held_, false);
  time_out();
  for (const bool pre_vote : {true, false}) {
    const term asked = pre_vote ? core_.current_term().next() : core_.current_term();
    if (core_.role() == core::role::leader) break;
    for (const auto& m : core_.configuration().members()) {
      if (m.id == core_.id()) continue;
      receive(m.id.value(), core::request_vote_response{asked, true, pre_vote});
    }
  }
  if (core_.role() != core::role::leader) throw std::logic_error("the election was not won");
  disk_is_held_ = held;
}

std::vector<std::uint64_t> lone_replica::terms() const {
  std::vector<std::uint64_t> all;
  for (log_index i{1}; i <= core_.last_index(); i = i.next()) {
    all.push_back(core_.entries().term_at(i).value());
  }
  return all;
}

std::vector<core::envelope> lone_replica::answer_chunk(std::optional<std::uint64_t> next_offset,
                                                       bool is_whole) {
  const std::uint64_t id = chunks_.at(0).id;
  chunks_.erase(chunks_.begin());
  core_.snapshot_chunk_stored(id, next_offset, is_whole);
  return carry_out();
}

std::vector<core::envelope> lone_replica::save(std::uint64_t index, std::uint64_t size) {
  const log_index at(index);
  const core::snapshot saved{{at, core_.entries().term_at(at), size, index},
                             log_time{},
                             core_.core().configuration_at(at)};
  disk_.take(saved);
  core_.snapshot_saved(saved);
  return carry_out();
}

std::vector<core::envelope> lone_replica::read_image() {
  const core::snapshot_read_request wanted = snapshot_reads_.back();
  core_.snapshot_read(wanted.id, shared_bytes::copy_of(std::string(wanted.max_bytes, 'i')));
  return carry_out();
}

std::vector<core::envelope> lone_replica::finish_install(bool succeeds) {
  const core::snapshot_id id = *std::exchange(install_, std::nullopt);
  if (succeeds) {
    core_.snapshot_installed({id, log_time{}, core_.configuration()});
  } else {
    core_.snapshot_not_installed(id);
  }
  return carry_out();
}

std::vector<core::envelope> lone_replica::finish_restore() {
  core_.applied(std::exchange(restore_, std::nullopt)->id.last_included_index);
  return carry_out();
}

std::vector<core::envelope> lone_replica::carry_out() {
  std::vector<core::envelope> sent;
  for (bool more = true; more;) {
    core::ready ready = core_.take_ready();
    std::ranges::move(ready.messages, std::back_inserter(sent));
    granted_.insert(granted_.end(), ready.granted_reads.begin(), ready.granted_reads.end());
    failed_.insert(failed_.end(), ready.failed_reads.begin(), ready.failed_reads.end());
    log_reads_.insert(log_reads_.end(), ready.log_reads.begin(), ready.log_reads.end());
    chunks_.insert(chunks_.end(), ready.snapshot_chunks.begin(), ready.snapshot_chunks.end());
    snapshot_reads_.insert(snapshot_reads_.end(), ready.snapshot_reads.begin(),
                           ready.snapshot_reads.end());
    if (ready.compact_to) disk_.compact(ready.compact_to);
    if (ready.install) install_ = ready.install;
    if (ready.restore) {
      restore_ = ready.restore;
      disk_.take(*ready.restore);
    }
    for (const auto& e : ready.committed) applied_.push_back(e.index.value());
    if (!ready.committed.empty()) core_.applied(ready.committed.back().index);
    if (!ready.persist.empty()) disk_.write(std::move(ready.persist));
    more = disk_.busy() && !disk_is_held_;
    if (more) core_.persisted(disk_.complete());
  }
  return sent;
}

}  // namespace mainstay::core_test

/// Snapshots (paper §7, figure 13): what they cover may go from the log, and a log that does not
/// hold their last entry gives way to them.
#include <algorithm>
#include <utility>

#include "mainstay/core/configuration.hpp"  // only for who its members are
#include "mainstay/simulation/specification.hpp"

namespace mainstay::simulation::specification {

namespace {

constexpr std::uint64_t largest_number = std::uint64_t{1} << 62;

bool is_well_formed(const core::install_snapshot& m) {
  const auto& image = m.image;
  return image.last_included_index && image.last_included_term &&
         image.last_included_index.value() <= largest_number &&
         image.last_included_term <= m.term && m.offset <= image.size &&
         m.data.size() <= image.size - m.offset;
}

}  // namespace

// ---- Its own ----------------------------------------------------------------------------------

void server::saves_snapshot(const core::snapshot& saved, const appearance& after) {
  begin_step();
  because("paper §7: a snapshot changes nothing but where the log begins");
  const log_index index = saved.id.last_included_index;
  hold(index <= last_applied, "paper §7: a snapshot is of what was applied");
  const bool is_news = !snapshot || index > snapshot->id.last_included_index;
  if (is_news) {
    hold(term_at(index) == saved.id.last_included_term,
         "paper §7: last_included_term is the term of the last included entry");
    snapshot = saved;
    images.push_back(saved.id);
  }
  if (after.base.first > compacted.first) {
    hold(is_news && after.base.first <= index,
         "paper §7: compaction removes what a durable snapshot covers, and no more");
    hold(after.base.term == term_at(after.base.first), "paper §7: the base keeps its term");
    compacted = after.base;
  }
  end_step(after);
}

/// At the end of a turn, because what was said in it may rest on what goes.
void server::compact() {
  log.erase(log.begin(), log.begin() + static_cast<std::ptrdiff_t>(compacted.first - base.first));
  base = compacted;
}

// ---- A follower -------------------------------------------------------------------------------

void server::on(const core::envelope& e, const core::install_snapshot& m, const appearance&) {
  owed_answer& answer = owe(e);
  answer.image = m.image;
  heed_leader(e, is_well_formed(m), answer);
}

const char* server::objection(const owed_answer& owes,
                              const core::install_snapshot_response& m) const {
  if (m.term < owes.current || m.term > state.current_term) {
    return "paper §5.1: an answer carries the current term";
  }
  if (!m.success) {
    return !m.match_index ? nullptr : "paper §7: who takes nothing vouches for nothing";
  }
  if (owes.reason != nullptr) return owes.reason;
  if (m.next_offset > owes.image.size) return "paper §7: an image is wanted up to its end";
  if (!m.match_index) return nullptr;
  if (m.match_index != owes.image.last_included_index || m.match_index > commit_index) {
    return "paper §7: a follower vouches for the snapshot that it was sent, once it has it";
  }
  const log_index covered = snapshot ? snapshot->id.last_included_index : log_index{};
  return m.match_index <= std::max(durable_index, covered)
             ? nullptr
             : "paper figure 2: what is acknowledged is on stable storage";
}

void server::stores_chunk(std::uint64_t number, bool is_stored, bool is_whole,
                          const appearance& after) {
  begin_step();
  because("paper §7: a chunk changes nothing until the image is whole");
  if (const auto chunk = chunks.extract(number); !chunk.empty()) {
    // A leader has all that is committed, and takes no snapshot in.
    const bool is_new = !leading && chunk.mapped().last_included_index > commit_index;
    if (is_stored && is_whole && is_new) {
      because("paper §7: who takes a snapshot in neither leads nor stands for election");
      wanted = chunk.mapped();
      is_handed_to_install = false;
      if (role != core::role::follower) become_follower(state.current_term, {});
    }
  }
  end_step(after);
}

void server::does_not_install(const core::snapshot_id& image, const appearance& after) {
  begin_step();
  because("paper §7: a snapshot that was not installed changes nothing");
  if (wanted == image) wanted.reset();
  end_step(after);
}

// Figure 13, rules 6 to 8.
void server::installs(const core::snapshot& installed, const appearance& after) {
  begin_step();
  because("paper §7: a log that holds the snapshot's last entry stays, any other gives way to it");
  if (wanted == installed.id) {
    wanted.reset();
    const log_index index = installed.id.last_included_index;
    const bool is_newest = !snapshot || index > snapshot->id.last_included_index;
    if (is_newest) {
      snapshot = installed;
      images.push_back(installed.id);
    }
    const bool is_there =
        index <= commit_index ||
        (index <= last_index() && term_at(index) == installed.id.last_included_term);
    if (!is_there) {
      give_way_to(installed);
      to_restore = installed;
      is_restoring = true;
    }
    commit_index = std::max(commit_index, index);
  }
  end_step(after);
}

void server::give_way_to(const core::snapshot& s) {
  ++log_version;
  base = compacted = {s.id.last_included_index, s.id.last_included_term};
  log.clear();
  known_from = std::min(known_from, base.first.next());
  configurations = {{base.first, membership_of(s.configuration)}};
  durable_index = handed_index = flight_index = base.first;
  handed_to_apply = base.first;
  must_reset_disk = true;
}

/// At a start: the snapshot is one of its own, of what was applied, or one that was being
/// installed.
void server::take_back(const core::snapshot& found, const recovered_disk& disk_found) {
  const log_index index = found.id.last_included_index;
  hold(!snapshot || index >= snapshot->id.last_included_index,
       "paper §7: a durable snapshot is not lost");
  snapshot = found;
  images.push_back(found.id);
  const bool is_there =
      index >= disk.base.first && index <= disk_last() &&
      (index == disk.base.first ? disk.base.term : disk.log[index - disk.base.first - 1].term) ==
          found.id.last_included_term;
  must_reset_disk = !is_there;
  if (is_there) return;
  hold(disk_found.base == core::term_run{index, found.id.last_included_term} &&
           disk_found.last_index == index,
       "paper §7: a log that does not hold the snapshot's last entry gives way to it");
  known_from = std::min(known_from, index.next());
}

// ---- A leader ---------------------------------------------------------------------------------

void server::on(const core::envelope& e, const core::install_snapshot_response& m,
                const appearance& after) {
  obey_term(e.message);
  if (!leading || m.term != state.current_term) return;
  const auto p = std::ranges::find(leading->peers, e.from, &peer::id);
  if (p == leading->peers.end() || !p->counts(e.call)) return;
  p->last_response = now;
  if (!m.success || m.match_index > last_index()) return;
  p->match_index = std::max(p->match_index, m.match_index);
  rules_.commit =
      "paper §5.3, §5.4.2: a leader commits what a majority has on disk, from the first "
      "entry of its own term on";
  advance_commit_index(after);
}

void server::send(const core::envelope& e, const core::install_snapshot& m) {
  const bool leads = leading && leading->term == m.term;
  hold(leads || (led && led->term == m.term),
       "paper §7: snapshots come from the leader of their term alone");
  const leadership& l = leads ? *leading : *led;
  hold(std::ranges::count(l.peers, e.to, &peer::id) != 0,
       "paper §6: snapshots go to members of the configuration");
  hold(std::ranges::count(images, m.image) != 0, "paper §7: a leader sends a snapshot that it has");
  hold(is_well_formed(m), "paper §7: a chunk lies within its image");
}

// ---- What is handed out -----------------------------------------------------------------------

void server::hand_out_images(const core::ready& out) {
  for (const auto& chunk : out.snapshot_chunks) {
    const bool is_owed = std::ranges::any_of(
        owed, [&](const owed_answer& o) { return o.image == chunk.image && o.reason == nullptr; });
    hold(is_owed && chunk.image.last_included_index > log_index{},
         "paper §7: only what the leader sent is stored");
    chunks.emplace(chunk.id, chunk.image);
  }
  for (const auto& read : out.snapshot_reads) {
    hold(std::ranges::count(images, read.image) != 0, "paper §7: a leader reads a snapshot it has");
  }
  const bool is_due = wanted && !is_handed_to_install && disk.state == state;
  const bool may_be =
      wanted && !is_handed_to_install && disk.state.current_term >= wanted->last_included_term;
  hold(out.install ? may_be && out.install == wanted : !is_due,
       "paper §7: an image that is whole, and beyond what is committed, is installed once");
  is_handed_to_install = is_handed_to_install || out.install.has_value();
  hold(out.restore == std::exchange(to_restore, std::nullopt),
       "paper §7: the state machine takes the snapshot that the log gave way to");
  hold(!out.compact_to || out.compact_to == compacted.first,
       "paper §7: storage forgets what the log has forgotten");
}

}  // namespace mainstay::simulation::specification

/// Traces: a way through the state space told step by step, from the links that every state keeps
/// to the one it was first reached from.
#include <algorithm>
#include <sstream>

#include "mainstay/simulation/explorer.hpp"

namespace mainstay::simulation::exploration {

namespace {

struct message_text {
  std::ostream& out;

  void operator()(const core::request_vote& m) const {
    out << (m.pre_vote ? "request_pre_vote" : "request_vote") << " term " << m.term.value()
        << " last " << m.last_log_index.value() << "/" << m.last_log_term.value();
  }
  void operator()(const core::request_vote_response& m) const {
    out << (m.pre_vote ? "pre_vote_response" : "vote_response") << " term " << m.term.value()
        << (m.vote_granted ? " granted" : " denied");
  }
  void operator()(const core::append_entries& m) const {
    out << "append_entries term " << m.term.value() << " prev " << m.prev_log_index.value() << "/"
        << m.prev_log_term.value() << " commit " << m.leader_commit.value();
    for (const auto& e : m.entries) {
      out << (&e == m.entries.data() ? " entries " : " ") << e.index.value() << "/"
          << e.term.value();
    }
    if (m.round != 0) out << " round " << m.round;
  }
  void operator()(const core::append_entries_response& m) const {
    out << "append_response term " << m.term.value();
    if (m.success) {
      out << " match " << m.match_index.value();
    } else {
      out << " rejected " << m.rejected_index.value() << " conflict " << m.conflict_index.value()
          << "/" << m.conflict_term.value();
    }
    if (m.round != 0) out << " round " << m.round;
  }
  void operator()(const core::install_snapshot& m) const {
    out << "install_snapshot term " << m.term.value() << " up to "
        << m.image.last_included_index.value() << "/" << m.image.last_included_term.value()
        << (m.data.empty() ? ", asks what is there" : "");
  }
  void operator()(const core::install_snapshot_response& m) const {
    out << "snapshot_response term " << m.term.value() << (m.success ? "" : " declined");
    if (m.match_index) out << " match " << m.match_index.value();
    if (m.success && !m.match_index) out << " offset " << m.next_offset;
  }
  void operator()(const core::read_index& m) const { out << "read_index term " << m.term.value(); }
  void operator()(const core::read_index_response& m) const {
    out << "read_index_response term " << m.term.value();
    if (m.success) {
      out << " index " << m.index.value();
    } else {
      out << " refused";
    }
  }
  template <class Other>
  void operator()(const Other& m) const {
    out << "message of kind " << core::message(m).index() << " term " << m.term.value();
  }
};

std::string describe(const core::envelope& e) {
  std::ostringstream out;
  out << e.from.value() << " -> " << e.to.value() << " ";
  std::visit(message_text{out}, e.message);
  return out.str();
}

std::string describe_crash(const happening& h, std::uint64_t of) {
  const std::uint64_t steps = h.argument;
  const bool is_behind = h.kind == static_cast<std::uint8_t>(input_kind::crash_behind_install);
  if (is_behind) {
    happening plain = h;
    plain.kind = static_cast<std::uint8_t>(input_kind::crash);
    return "has installed its image, " + describe_crash(plain, of);
  }
  if (of == 0) return "crashes and starts again";
  if (steps == 0) return "crashes, nothing of the batch survives, and starts again";
  return "crashes, the batch survives up to step " + std::to_string(steps) + " of " +
         std::to_string(of) + ", and starts again";
}

}  // namespace

/// All steps from the first state up to `last`; without its effects when it has no end.
std::vector<trace_step> explorer::trace_to(parent_link last, bool last_ends) {
  std::vector<std::uint32_t> steps;
  for (std::uint32_t at = last.parent; at != 0; at = links_[at].parent) {
    steps.push_back(links_[at].step);
  }
  std::ranges::reverse(steps);
  std::vector<trace_step> trace;
  world w = first_;
  for (const std::uint32_t step : steps) {
    const happening h = happening::unpack(step);
    trace.push_back(describe_step(w, h, true));
    world next;
    renamed_hashes sums{};
    take(w, h, next, sums);
    w = next;
  }
  trace.push_back(describe_step(w, happening::unpack(last.step), last_ends));
  return trace;
}

std::vector<trace_step> explorer::trace_of_current() {
  return links_.empty() ? std::vector<trace_step>{} : trace_to(current_, false);
}

trace_step explorer::describe_step(const world& from, const happening& h, bool ends) {
  const std::string name = "node " + std::to_string(h.node + 1) + " ";
  const replica_view& before = views_[from.replicas[h.node]];
  happening given = h;
  trace_step step;
  if (h.kind == static_cast<std::uint8_t>(event_kind::drop)) {
    step.what = "lost: " + describe(messages_[h.argument]);
    return step;
  }
  switch (h.kind == static_cast<std::uint8_t>(event_kind::duplicate)
              ? input_kind::deliver
              : static_cast<input_kind>(h.kind)) {
    case input_kind::deliver:
      given.kind = static_cast<std::uint8_t>(input_kind::deliver);
      step.what = (given.kind == h.kind ? "arrives: " : "arrives, and again later: ") +
                  describe(messages_[h.argument]);
      break;
    case input_kind::alarm:
      step.what = name + (before.leads() ? "is due to send heartbeats" : "hears from no leader");
      break;
    case input_kind::lapse:
      step.what = name + "takes its leader for silent";
      break;
    case input_kind::propose:
      step.what = name + "is given a command";
      break;
    case input_kind::read:
      step.what = name + "is asked for read " + std::to_string(h.argument);
      break;
    case input_kind::persist:
      step.what = name + "has its batch on disk";
      break;
    case input_kind::refuse:
      step.what = name + "has no room for its batch on disk";
      break;
    case input_kind::crash:
    case input_kind::crash_behind_install:
      step.what = name + describe_crash(h, before.batch_steps);
      break;
    case input_kind::save:
      step.what = name + "saves a snapshot";
      break;
    case input_kind::install:
      step.what = name + "has installed its image";
      break;
    case input_kind::step_down:
      step.what = name + "is told to step down";
      break;
    case input_kind::give_up:
      step.what = name + "hears nothing of: " + describe(messages_[h.argument]);
      break;
    case input_kind::turn:
      step.what = name + "carries out its outputs";
      break;
  }
  if (!ends) return step;
  replica r = replicas_[from.replicas[h.node]];
  const effects said = runner_.give(r, input_of(given));
  for (const auto& e : said.sent) step.sent.push_back(describe(e));
  for (const auto& g : said.granted) {
    step.sent.push_back("grants read " + std::to_string(g.context) + " at index " +
                        std::to_string(g.index.value()));
  }
  for (const auto context : said.failed_reads) {
    step.sent.push_back("refuses read " + std::to_string(context));
  }
  step.replica = "node " + std::to_string(h.node + 1) + ": " + describe(view_of(r));
  return step;
}

}  // namespace mainstay::simulation::exploration

/// What can happen in a world, and what comes of it. Every outcome is worked out once for a replica
/// and an input, and looked up from then on.
#include <algorithm>
#include <utility>

#include "mainstay/simulation/explorer.hpp"

namespace mainstay::simulation::exploration {

namespace {

constexpr unsigned argument_bits = 25;
constexpr unsigned node_bits = 2;

bool is(const happening& h, input_kind kind) { return h.kind == static_cast<std::uint8_t>(kind); }
bool is(const happening& h, event_kind kind) { return h.kind == static_cast<std::uint8_t>(kind); }

std::uint8_t& left(world& w, allowance kind) { return w.left[static_cast<std::size_t>(kind)]; }
bool may(const world& w, allowance kind) { return w.left[static_cast<std::size_t>(kind)] != 0; }

happening happen(input_kind kind, std::size_t node, std::uint64_t argument = 0) {
  return {static_cast<std::uint8_t>(kind), static_cast<std::uint8_t>(node),
          static_cast<std::uint32_t>(argument)};
}
happening happen(event_kind kind, std::size_t node, std::uint64_t argument) {
  return happen(static_cast<input_kind>(kind), node, argument);
}

void change(renamed_hashes& sums, const renamed_hashes& gone, const renamed_hashes& come) {
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += come[i] - gone[i];
}

constexpr renamed_hashes none{};

}  // namespace

std::uint32_t happening::packed() const {
  return std::uint32_t{kind} << (argument_bits + node_bits) | std::uint32_t{node} << argument_bits |
         argument;
}

happening happening::unpack(std::uint32_t packed) {
  return {static_cast<std::uint8_t>(packed >> (argument_bits + node_bits)),
          static_cast<std::uint8_t>(packed >> argument_bits & ((1U << node_bits) - 1)),
          packed & ((1U << argument_bits) - 1)};
}

// ---- What can happen ----------------------------------------------------------------------------

void explorer::list_happenings(const world& w, std::vector<happening>& out) const {
  out.clear();
  list_of_messages(w, out);
  for (std::uint8_t node = 0; node < node_count; ++node) list_of_node(w, node, out);
}

void explorer::list_of_messages(const world& w, std::vector<happening>& out) const {
  for (std::size_t i = 0; i < w.message_count; ++i) {
    const std::uint32_t number = w.messages[i];
    if (i > 0 && w.messages[i - 1] == number) continue;  // the same again
    const core::envelope& e = messages_[number];
    const std::size_t from = e.from.value() - 1;
    const std::size_t to = e.to.value() - 1;
    out.push_back(happen(input_kind::deliver, to, number));
    if (may(w, allowance::drop)) out.push_back(happen(event_kind::drop, to, number));
    if (may(w, allowance::duplicate)) out.push_back(happen(event_kind::duplicate, to, number));
    const bool is_awaited = std::holds_alternative<core::append_entries>(e.message) ||
                            std::holds_alternative<core::read_index>(e.message) ||
                            std::holds_alternative<core::install_snapshot>(e.message);
    if (is_awaited && may(w, allowance::timeout)) {
      out.push_back(happen(input_kind::give_up, from, number));
    }
  }
}

void explorer::list_of_node(const world& w, std::uint8_t node, std::vector<happening>& out) const {
  const replica_view& v = views_[w.replicas[node]];
  if (v.has_alarm && (!v.leads() || may(w, allowance::heartbeat))) {
    out.push_back(happen(input_kind::alarm, node));
  }
  if (runner_.can_lapse(replicas_[w.replicas[node]])) {
    out.push_back(happen(input_kind::lapse, node));
  }
  if (v.batch_steps != 0) out.push_back(happen(input_kind::persist, node));
  if (v.is_installing) out.push_back(happen(input_kind::install, node));
  if (v.can_save && may(w, allowance::snapshot)) out.push_back(happen(input_kind::save, node));
  if (scope_.separate_turns) out.push_back(happen(input_kind::turn, node));
  if (v.leads() && may(w, allowance::proposal)) {
    out.push_back(happen(input_kind::propose, node));
  }
  if (v.leader != 0 && may(w, allowance::read)) {
    const int asked = scope_[allowance::read] - w.left[static_cast<int>(allowance::read)];
    out.push_back(happen(input_kind::read, node, static_cast<std::uint64_t>(asked) + 1));
  }
  if (may(w, allowance::crash)) {
    for (std::uint64_t steps = 0; steps <= v.batch_steps; ++steps) {
      out.push_back(happen(input_kind::crash, node, steps));
      if (v.is_installing) out.push_back(happen(input_kind::crash_behind_install, node, steps));
    }
  }
  if (!may(w, allowance::stall)) return;
  if (v.batch_steps != 0) out.push_back(happen(input_kind::refuse, node));
  if (v.role != core::role::follower) out.push_back(happen(input_kind::step_down, node));
}

// ---- What comes of it ---------------------------------------------------------------------------

/// Takes the step's allowance. Precondition: there is one.
void explorer::use(const happening& h, world& w) const {
  static constexpr std::pair<input_kind, allowance> costs[] = {
      {input_kind::propose, allowance::proposal},
      {input_kind::read, allowance::read},
      {input_kind::crash, allowance::crash},
      {input_kind::crash_behind_install, allowance::crash},
      {input_kind::save, allowance::snapshot},
      {input_kind::refuse, allowance::stall},
      {input_kind::step_down, allowance::stall},
      {input_kind::give_up, allowance::timeout},
      {static_cast<input_kind>(event_kind::drop), allowance::drop},
      {static_cast<input_kind>(event_kind::duplicate), allowance::duplicate},
  };
  const auto spend = [&w](allowance kind) {
    if (left(w, kind) != unlimited) --left(w, kind);
  };
  if (is(h, input_kind::alarm) && views_[w.replicas[h.node]].leads()) spend(allowance::heartbeat);
  for (const auto& [kind, cost] : costs) {
    if (is(h, kind)) spend(cost);
  }
}

explorer::verdict explorer::take(const world& from, const happening& h, world& to,
                                 renamed_hashes& sums) {
  to = from;
  use(h, to);
  if (is(h, input_kind::deliver) || is(h, event_kind::drop)) remove_message(to, h.argument, sums);
  if (is(h, event_kind::drop)) return verdict::taken;
  if (is(h, event_kind::duplicate)) {
    return take_input(happen(input_kind::deliver, h.node, h.argument), to, sums);
  }
  if (is(h, input_kind::read)) {
    to.read_floors[h.argument - 1] = static_cast<std::uint8_t>(1 + to.committed.entries.size());
  }
  const verdict v = take_input(h, to, sums);
  return v == verdict::nothing && is(h, input_kind::deliver) ? verdict::taken : v;
}

/// Gives the input to its replica. `nothing` when neither the replica nor the network changes: what
/// it cost was wasted, and all that can follow can follow without it.
explorer::verdict explorer::take_input(const happening& h, world& to, renamed_hashes& sums) {
  const std::uint32_t before = to.replicas[h.node];
  const outcome o = outcome_of(before, h);
  if (o.wrong != 0) {
    wrong_ = violations_[o.wrong - 1];
    return verdict::wrong;
  }
  if (o.beyond_bounds) return verdict::beyond_bounds;
  if (const verdict v = end_reads(o, to); v != verdict::taken) return v;
  if (o.replica == before && o.sent_count == 0) return verdict::nothing;

  to.replicas[h.node] = o.replica;
  change(sums, replicas_.hashes(before), replicas_.hashes(o.replica));
  // A contradiction is for the cluster's judge to find.
  to.committed = extend_committed(to.committed, views_[o.replica]).value_or(to.committed);
  return send(o, to, sums);
}

const explorer::outcome& explorer::outcome_of(std::uint32_t replica, const happening& h) {
  const happening input{h.kind, 0, h.argument};
  // One to one, and spread over all bits.
  std::uint64_t key = (std::uint64_t{replica} << 32 | input.packed()) * 0x9e3779b97f4a7c15ULL;
  key ^= key >> 32;
  if (const auto known = outcome_numbers_.find(key)) return outcomes_[*known];
  outcomes_.push_back(work_out(replica, h));
  outcome_numbers_.insert(key, static_cast<std::uint32_t>(outcomes_.size() - 1));
  return outcomes_.back();
}

explorer::outcome explorer::work_out(std::uint32_t number, const happening& h) {
  replica r = replicas_[number];
  effects said = runner_.give(r, input_of(h));
  outcome o;
  if (said.wrong) {
    violations_.push_back(*said.wrong);
    o.wrong = static_cast<std::uint32_t>(violations_.size());
    return o;
  }
  // What waits for a disk counts as on its way, or a disk that hangs would hold back any number.
  o.beyond_bounds = r.core.current_term().value() > scope_.max_term ||
                    r.core.last_index().value() > scope_.max_log ||
                    said.sent.size() > scope_.max_messages ||
                    view_of(r).withheld > scope_.max_messages;
  if (o.beyond_bounds) return o;
  o.replica = number_of(std::move(r));
  o.first_sent = static_cast<std::uint32_t>(sent_.size());
  o.sent_count = static_cast<std::uint16_t>(said.sent.size());
  for (auto& e : said.sent) {
    const renamed_hashes hashes = hashes_of(e);
    sent_.push_back(messages_.number_of(std::move(e), hashes));
  }
  o.first_read = static_cast<std::uint32_t>(reads_.size());
  o.read_count = static_cast<std::uint8_t>(said.granted.size() + said.failed_reads.size());
  for (const auto& g : said.granted) reads_.push_back({g.context, g.index.value(), true});
  for (const auto context : said.failed_reads) reads_.push_back({context, 0, false});
  return o;
}

input explorer::input_of(const happening& h) const {
  input in{static_cast<input_kind>(h.kind), nullptr, h.argument};
  if (in.kind == input_kind::deliver || in.kind == input_kind::give_up) {
    in.message = &messages_[h.argument];
  }
  return in;
}

std::uint32_t explorer::number_of(replica r) {
  const renamed_hashes hashes = runner_.hashes_of(r);
  const replica_view view = view_of(r);
  const std::uint32_t number = replicas_.number_of(std::move(r), hashes);
  if (number == views_.size()) views_.push_back(view);
  return number;
}

/// A read is as fresh as the moment it was asked (thesis §6.4), and ends once.
explorer::verdict explorer::end_reads(const outcome& o, world& to) {
  const bool unchecked =
      (unchecked_ >> static_cast<unsigned>(property::linearizable_reads) & 1U) != 0;
  for (std::uint32_t i = 0; i < o.read_count; ++i) {
    const read_end& end = reads_[o.first_read + i];
    const bool known = end.context >= 1 && end.context <= most_reads;
    const std::uint8_t floor = known ? to.read_floors[end.context - 1] : std::uint8_t{0};
    std::string what;
    if (floor == 0) what = "a read is answered that is not open";
    if (end.granted && end.index + 1 < floor) {
      what = "read " + std::to_string(end.context) + " is granted at index " +
             std::to_string(end.index) + ", but when it was asked, committed was up to " +
             std::to_string(floor - 1);
    }
    if (!what.empty() && !unchecked) {
      wrong_ = violation{property::linearizable_reads, std::move(what)};
      return verdict::wrong;
    }
    if (known) to.read_floors[end.context - 1] = 0;
  }
  return verdict::taken;
}

explorer::verdict explorer::send(const outcome& o, world& to, renamed_hashes& sums) const {
  if (to.message_count + o.sent_count > static_cast<int>(scope_.max_messages)) {
    return verdict::beyond_bounds;
  }
  for (std::uint32_t i = 0; i < o.sent_count; ++i) {
    const std::uint32_t number = sent_[o.first_sent + i];
    std::size_t place = to.message_count++;
    for (; place > 0 && to.messages[place - 1] > number; --place) {
      to.messages[place] = to.messages[place - 1];
    }
    to.messages[place] = number;
    change(sums, none, messages_.hashes(number));
  }
  return verdict::taken;
}

void explorer::remove_message(world& w, std::uint32_t number, renamed_hashes& sums) const {
  const auto end = w.messages.begin() + w.message_count;
  const auto place = std::find(w.messages.begin(), end, number);
  std::move(place + 1, end, place);
  w.messages[--w.message_count] = 0;
  change(sums, messages_.hashes(number), none);
}

// ---- The start ----------------------------------------------------------------------------------

world explorer::first_world() {
  world w;
  w.left = scope_.allowed;
  for (std::uint64_t i = 0; i < node_count; ++i) w.replicas[i] = number_of(runner_.start(i + 1));
  if (!scope_.starts_with_leader) return w;
  w.left.fill(unlimited);
  for (int alarms = 0; alarms < 2 && !found_; ++alarms) {  // it campaigns; it spreads its commit
    world next;
    renamed_hashes sums{};
    if (take(w, happen(input_kind::alarm, 0), next, sums) == verdict::taken) w = next;
    settle(w);
  }
  w.left = scope_.allowed;
  return w;
}

/// Lets disks finish, turns end and messages arrive until nothing is left to do.
void explorer::settle(world& w) {
  constexpr int enough = 1000;
  for (int i = 0; i < enough; ++i) {
    list_happenings(w, happenings_);
    const auto is_orderly = [](const happening& h) {
      return is(h, input_kind::deliver) || is(h, input_kind::persist) ||
             is(h, input_kind::install) || is(h, input_kind::turn);
    };
    bool moved = false;
    for (const happening& h : happenings_) {
      world next;
      renamed_hashes sums{};
      if (!is_orderly(h) || take(w, h, next, sums) != verdict::taken) continue;
      w = next;
      moved = true;
      break;
    }
    if (!moved) return;
  }
}

}  // namespace mainstay::simulation::exploration

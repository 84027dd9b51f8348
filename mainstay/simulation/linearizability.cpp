#include "mainstay/simulation/linearizability.hpp"

#include <tuple>

#include "mainstay/base/random.hpp"

namespace mainstay::simulation {

namespace detail {

namespace {

/// Numbers of operations, by when they end; of those that are done.
std::vector<std::size_t> by_end(std::span<const client_operation> operations) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (operations[i].outcome == operation_outcome::done) order.push_back(i);
  }
  std::ranges::stable_sort(
      order, {}, [&](std::size_t i) { return std::pair(operations[i].end, operations[i].start); });
  return order;
}

}  // namespace

key_timeline::key_timeline(std::span<const client_operation> operations) {
  events.push_back({});
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const client_operation& o = operations[i];
    if (o.outcome == operation_outcome::unknown) unknown.push_back(i);
    if (o.outcome != operation_outcome::done) continue;
    ++done;
    events.push_back({.time = o.start, .is_end = false, .operation = i});
    events.push_back({.time = o.end, .is_end = true, .operation = i});
  }
  std::ranges::stable_sort(unknown, {}, [&](std::size_t i) { return operations[i].start; });
  std::stable_sort(events.begin() + 1, events.end(), [](const event& a, const event& b) {
    return std::tie(a.time, a.is_end) < std::tie(b.time, b.is_end);
  });
  events.push_back({.time = INT64_MAX, .is_end = true});

  std::vector<std::size_t> beginning(operations.size());
  for (std::size_t e = 0; e < events.size(); ++e) {
    events[e].before = e == 0 ? 0 : e - 1;
    events[e].after = e + 1 == events.size() ? e : e + 1;
    if (e == 0 || e + 1 == events.size()) continue;
    if (events[e].is_end) {
      events[beginning[events[e].operation]].other = e;
    } else {
      beginning[events[e].operation] = e;
    }
  }
}

std::size_t count_done(std::span<const client_operation> operations) {
  return static_cast<std::size_t>(
      std::ranges::count(operations, operation_outcome::done, &client_operation::outcome));
}

std::vector<client_operation> beginning_of(std::span<const client_operation> operations,
                                           std::size_t ends) {
  const auto order = by_end(operations);
  const std::int64_t last = operations[order[ends - 1]].end;
  std::vector<bool> has_ended(operations.size());
  for (std::size_t n = 0; n < ends; ++n) has_ended[order[n]] = true;
  std::vector<client_operation> beginning;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    client_operation o = operations[i];
    if (o.start > last || o.outcome == operation_outcome::refused) continue;
    if (!has_ended[i]) {
      o.outcome = operation_outcome::unknown;
      o.result.reset();
    }
    beginning.push_back(std::move(o));
  }
  std::ranges::stable_sort(beginning, {}, &client_operation::start);
  return beginning;
}

std::map<std::string, std::vector<client_operation>> by_key(
    std::span<const client_operation> operations) {
  std::map<std::string, std::vector<client_operation>> keys;
  for (const auto& o : operations) keys[o.key].push_back(o);
  return keys;
}

std::array<std::uint64_t, 2> mark_of(std::size_t i) {
  random_generator random(i);
  return {random.next(), random.next()};
}

bool is_subset(const used_set& a, const used_set& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if ((a[i] & ~b[i]) != 0) return false;
  }
  return true;
}

}  // namespace detail

std::string describe(const judgement& j) {
  constexpr std::size_t most = 20;
  switch (j.verdict) {
    case verdict::linearizable:
      return "linearizable\n";
    case verdict::undecided:
      return "undecided: key \"" + j.key + "\" takes too many steps\n";
    case verdict::not_linearizable:
      break;
  }
  const std::span all(j.unexplained);
  const std::size_t left_out = all.size() > most ? all.size() - most : 0;
  std::string text = "not linearizable: key \"" + j.key +
                     "\": no order explains these operations, which are the first " +
                     std::to_string(all.size());
  if (left_out > 0) text += " (shown: the last " + std::to_string(most) + ")";
  return text + "\n" + write_history(all.subspan(left_out));
}

}  // namespace mainstay::simulation

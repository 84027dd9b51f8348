#include "sim/clients.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "mainstay/base/error.hpp"
#include "mainstay/machines/key_value/answer.hpp"
#include "mainstay/machines/key_value/command.hpp"
#include "mainstay/simulation/checkers/violation.hpp"

namespace mainstay::sim {

namespace {

using keyspace::operation;
using simulation::client_operation;
using simulation::operation_outcome;

/// Beyond this a client waits no longer, whatever its node's clock says.
constexpr duration patience = std::chrono::seconds(10);
/// Clients of the end have numbers from here on.
constexpr std::uint64_t final_clients = 1'000'000;
/// Operations of a hundred that are about keys that expire.
constexpr std::uint32_t expiring = 8;
/// Operations of a hundred that set a large value, where there are any.
constexpr std::uint32_t heavy = 15;
/// Keys that expire and that everybody changes.
constexpr std::uint64_t shared_mortals = 8;
/// What `time_left` answers for a key that is not there, and for one without a deadline.
constexpr std::int64_t gone = -2;
constexpr std::int64_t never = -1;

std::string shared_mortal(std::uint64_t number) { return "x" + std::to_string(number); }

std::int64_t nanoseconds(instant when) { return when.time_since_epoch().count(); }

/// What an answer says, as histories write it; none: nil.
std::optional<std::string> text_of(const shared_bytes& answer) {
  keyspace::answer_reader reader(answer.text());
  const auto value = reader.next();
  switch (value.kind) {
    case keyspace::answer_kind::ok:
      return "OK";
    case keyspace::answer_kind::nil:
      return {};
    case keyspace::answer_kind::integer:
      return std::to_string(value.integer);
    default:
      return std::string(value.text);
  }
}

operation_outcome outcome_in_history(const command_outcome& outcome) {
  if (outcome) return operation_outcome::done;
  return outcome_of(outcome.error().code) == mainstay::outcome::refused
             ? operation_outcome::refused
             : operation_outcome::unknown;
}

}  // namespace

/// An operation with everything that sending it takes.
struct client_group::request {
  client_operation what;
  client_call call;
  bool is_recorded = true;
};

class client_group::client {
 public:
  client(client_group& group, std::uint64_t id, std::uint64_t seed)
      : group_(group), id_(id), random_(seed), node_(draw_node()) {}

  void go_on() {
    const auto mean = static_cast<std::uint64_t>(group_.work_.pause.count());
    const auto pause = duration(static_cast<std::int64_t>(random_.below(2 * mean + 1)));
    group_.world_.at(group_.world_.now() + pause, [this] { act(); });
  }

 private:
  struct mortal_key {
    std::string key;
    std::int64_t left;  // as last seen
  };

  bool percent(std::uint32_t chance) { return random_.below(100) < chance; }
  node_id draw_node() { return node_id(1 + random_.below(group_.world_.nodes)); }

  void act() {
    const auto& limit = group_.work_.most_operations;
    if (group_.stopped_ || (limit && group_.begun_ >= *limit)) return;
    ++group_.begun_;
    if (percent(expiring)) return act_on_mortal();
    if (group_.work_.ballast_keys > 0 && percent(heavy)) return set_ballast();
    const auto number = random_.below(group_.work_.keys);
    request r;
    r.what.client = id_;
    r.what.key = group_.key(number);
    if (percent(group_.work_.reads)) {
      read(r);
    } else {
      write(r, r.what.key.front());
    }
    r.call.node = node_;
    r.call.timeout = group_.work_.timeout;
    const auto key = r.what.key;
    const bool is_get = r.what.name == "get";
    group_.send(std::move(r), [this, key, is_get](const command_outcome& outcome) {
      if (outcome && is_get) seen_[key] = text_of(*outcome).value_or("");
      if (!outcome) look_elsewhere(outcome.error());
      go_on();
    });
  }

  /// Keys that expire are in nobody's history, because only the log knows when they are gone. What
  /// is certain: one that was set once stays gone, and its time only runs down. That all replicas
  /// have the same is for those to say who compare their states.
  void act_on_mortal() {
    request r;
    r.is_recorded = false;
    r.call.node = node_;
    r.call.timeout = group_.work_.timeout;
    if (percent(30)) {
      change_shared(r);
    } else if (!mortal_ || (mortal_->left == gone && percent(30))) {
      mortal_.reset();
      set_mortal(r);
    } else {
      r.what.name = "time_left";
      r.call.payload = keyspace::encode(group_.arena_, operation::time_left, {mortal_->key});
    }
    const bool asks = r.what.name == "time_left";
    const std::optional<std::string> born =
        r.what.name == "set" ? std::optional(r.what.key) : std::nullopt;
    group_.send(std::move(r), [this, asks, born](const command_outcome& outcome) {
      if (outcome && born) mortal_ = {*born, std::numeric_limits<std::int64_t>::max()};
      if (outcome && asks) look_at_mortal(std::stoll(*text_of(*outcome)));
      if (!outcome) look_elsewhere(outcome.error());
      go_on();
    });
  }

  /// Nobody reads it: it is there to be carried about.
  void set_ballast() {
    request r;
    r.is_recorded = false;
    const auto key = "b" + std::to_string(random_.below(group_.work_.ballast_keys));
    auto value = token();
    value.resize(std::max<std::size_t>(value.size(), group_.work_.ballast_bytes), '#');
    r.call.changes = true;
    r.call.node = node_;
    r.call.timeout = group_.work_.timeout;
    r.call.payload = keyspace::encode(group_.arena_, operation::set, {key, value});
    group_.send(std::move(r), [this](const command_outcome& outcome) {
      if (!outcome) look_elsewhere(outcome.error());
      go_on();
    });
  }

  void set_mortal(request& r) {
    r.what.name = "set";
    r.what.key = "m" + token();
    group_.mortals_.push_back(r.what.key);
    const keyspace::time_argument time(
        {.number = 1 + static_cast<std::int64_t>(random_.below(3000))});
    r.call.changes = true;
    r.call.payload = keyspace::encode(group_.arena_, operation::set, keyspace::expires,
                                      std::vector<std::string_view>{r.what.key, "v", time.text()});
  }

  /// Commands that are all different, on keys that everybody changes.
  void change_shared(request& r) {
    const auto key = shared_mortal(random_.below(shared_mortals));
    const auto unique = static_cast<std::int64_t>(64 * ++tokens_ + id_ % 64);
    const keyspace::time_argument time({.number = unique});
    const auto value = token();
    r.call.changes = true;
    if (percent(40)) {
      r.call.payload = keyspace::encode(group_.arena_, operation::expire, {key, time.text()});
    } else if (percent(30)) {
      r.call.payload = keyspace::encode(group_.arena_, operation::append, {key, value});
    } else {
      const std::uint8_t flags = percent(50) ? keyspace::expires : keyspace::keep_deadline;
      std::vector<std::string_view> arguments{key, value};
      if (flags == keyspace::expires) arguments.push_back(time.text());
      r.call.payload = keyspace::encode(group_.arena_, operation::set, flags, arguments);
    }
  }

  void look_at_mortal(std::int64_t left) {
    if (left < gone || left == never || (left > mortal_->left && left != gone)) {
      throw simulation::violation(
          simulation::property::linearizability, node_,
          simulation::sentence("client ", id_, " reads that key \"", mortal_->key, "\" has ", left,
                               " ms left, after it had ", mortal_->left));
    }
    mortal_->left = left;
    if (left == gone) std::erase(group_.mortals_, mortal_->key);
  }

  /// A client stays with a node that answers.
  void look_elsewhere(const error& why) {
    const bool is_hint = why.leader && why.leader.value() <= group_.world_.nodes;
    node_ = is_hint && percent(70) ? why.leader : draw_node();
  }

  void read(request& r) {
    r.what.name = percent(80) ? "get" : percent(50) ? "length" : "exists";
    const auto what = r.what.name == "get"      ? operation::get
                      : r.what.name == "length" ? operation::length
                                                : operation::exists;
    if (percent(group_.work_.stale_reads)) {
      r.is_recorded = false;
      r.call.level = read_level::stale;
    }
    r.call.payload = keyspace::encode(group_.arena_, what, {r.what.key});
  }

  void write(request& r, char family) {
    r.call.changes = true;
    r.call.forward = !percent(group_.work_.only_leader);
    if (percent(10)) return erase(r);
    if (family == 'n') return increment(r);
    r.what.argument = token();
    if (family == 'l') {
      r.what.name = "append";
      r.call.payload =
          keyspace::encode(group_.arena_, operation::append, {r.what.key, r.what.argument});
      return;
    }
    r.what.argument.resize(
        std::max<std::size_t>(r.what.argument.size(), random_.below(group_.work_.value_bytes + 1)),
        '.');
    set(r);
  }

  void set(request& r) {
    std::uint8_t flags = keyspace::set_always;
    std::vector<std::string_view> arguments{r.what.key, r.what.argument};
    r.what.name = "set";
    if (percent(group_.work_.conditions)) {
      const auto seen = seen_.find(r.what.key);
      if (percent(60) && seen != seen_.end() && !seen->second.empty()) {
        r.what.name = "set_if_equal";
        r.what.expected = seen->second;
        arguments.emplace_back(*r.what.expected);
        flags = keyspace::if_equal;
      } else {
        const bool absent = percent(50);
        r.what.name = absent ? "set_if_absent" : "set_if_present";
        flags = absent ? keyspace::if_absent : keyspace::if_present;
      }
    } else if (percent(15)) {
      r.what.name = "get_and_set";
      flags = keyspace::get_old;
    }
    r.call.payload = keyspace::encode(group_.arena_, operation::set, flags, arguments);
  }

  void increment(request& r) {
    // Every sum of different numbers tells which of them are in it, as far as there is room.
    const auto amount = id_ * 100'000 + ++tokens_;
    r.what.name = "increment";
    r.what.argument = std::to_string(amount);
    const keyspace::number_argument number(amount);
    r.call.payload =
        keyspace::encode(group_.arena_, operation::increment, {r.what.key, number.text()});
  }

  void erase(request& r) {
    r.what.name = "delete";
    // The second key is nobody's; it makes the command one of its kind.
    const auto unique = "~" + token();
    r.call.payload = keyspace::encode(group_.arena_, operation::erase, {r.what.key, unique});
  }

  /// Something that no other command has.
  std::string token() { return std::to_string(id_) + ":" + std::to_string(++tokens_) + ";"; }

  client_group& group_;
  std::uint64_t id_;
  random_generator random_;
  node_id node_;
  std::uint64_t tokens_ = 0;
  std::map<std::string, std::string> seen_;
  std::optional<mortal_key> mortal_;  // set once, by this client alone
};

client_group::client_group(const simulation::workload& work, client_world world, std::uint64_t seed)
    : work_(work), world_(std::move(world)) {
  random_generator random(seed);
  for (std::uint64_t i = 1; i <= work_.clients; ++i) {
    clients_.push_back(std::make_unique<client>(*this, i, random.next()));
  }
}

client_group::~client_group() = default;

void client_group::start() {
  for (const auto& one : clients_) one->go_on();
}

std::string client_group::key(std::uint64_t number) const {
  // The first letter says what is done to it: plain values, a number, a list.
  static constexpr std::string_view families = "prnl";
  return families[number % families.size()] + std::to_string(number);
}

void client_group::finish(std::size_t number, const command_outcome& outcome) {
  const auto how = outcome_in_history(outcome);
  history_.finish(number, nanoseconds(world_.now()), how,
                  outcome ? text_of(*outcome) : std::nullopt);
  if (world_.ends) world_.ends(number);
}

void client_group::send(request r, std::function<void(const command_outcome&)> then) {
  /// Shared by the answer and by the client's patience; the first to come counts.
  struct waiting {
    std::optional<std::size_t> number;
    shared_bytes payload;
    std::function<void(const command_outcome&)> then;
  };
  auto state = std::make_shared<waiting>();
  state->then = std::move(then);
  r.what.start = nanoseconds(world_.now());
  if (r.call.changes) state->payload = r.call.payload;
  if (r.is_recorded) {
    state->number = history_.begin(std::move(r.what));
    if (world_.begins) world_.begins(*state->number, r.call.node);
  }
  ++under_way_;
  const auto end = [this, state](const command_outcome& outcome) {
    if (!state->then) return;
    --under_way_;
    const auto how = outcome_in_history(outcome);
    ++(how == operation_outcome::done      ? counters_.done
       : how == operation_outcome::refused ? counters_.refused
                                           : counters_.unknown);
    if (state->number) finish(*state->number, outcome);
    if (outcome && !state->payload.empty()) world_.acknowledged(state->payload);
    std::exchange(state->then, nullptr)(outcome);
  };
  r.call.done = end;
  world_.at(world_.now() + patience,
            [end] { end(fail(error_code::timed_out, "the client waits no longer")); });
  world_.call(std::move(r.call));
}

void client_group::read_everything(node_id through) {
  for (std::uint64_t i = 0; i < work_.keys; ++i) {
    request r;
    r.what.client = final_clients + through.value() * 1000 + i;
    r.what.key = key(i);
    r.what.name = "get";
    r.call.node = through;
    r.call.timeout = patience;
    r.call.payload = keyspace::encode(arena_, operation::get, {r.what.key});
    send(std::move(r), [](const command_outcome&) {});
  }
}

void client_group::write_once(node_id through, duration timeout, std::function<void(bool)> done) {
  request r;
  r.what.client = final_clients + 500'000 + ++final_writes_;
  r.what.key = key(0);
  r.what.name = "set";
  r.what.argument = "~" + std::to_string(final_writes_);
  r.call.node = through;
  r.call.changes = true;
  r.call.timeout = timeout;
  r.call.payload = keyspace::encode(arena_, operation::set, {r.what.key, r.what.argument});
  send(std::move(r),
       [done = std::move(done)](const command_outcome& outcome) { done(outcome.has_value()); });
}

void client_group::erase_mortals(node_id through, duration timeout,
                                 std::function<void(bool)> done) {
  std::vector<std::string> keys = mortals_;
  for (std::uint64_t i = 0; i < shared_mortals; ++i) keys.push_back(shared_mortal(i));
  keys.push_back("~" + std::to_string(++final_writes_));  // nobody's: no command is like another
  request r;
  r.is_recorded = false;
  r.call.node = through;
  r.call.changes = true;
  r.call.timeout = timeout;
  r.call.payload = keyspace::encode(arena_, operation::erase, 0,
                                    std::vector<std::string_view>(keys.begin(), keys.end()));
  send(std::move(r),
       [done = std::move(done)](const command_outcome& outcome) { done(outcome.has_value()); });
}

}  // namespace mainstay::sim

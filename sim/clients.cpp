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
  std::uint32_t tries = 1;  ///< of a command in a session
  /// Whom to ask the next time.
  std::function<node_id(const error&)> next;
};

/// A request on its way. Its answer and its client's patience share it; the first to come counts.
struct client_group::attempts {
  request r;
  std::optional<std::size_t> number;  // in the history
  std::function<void(const command_outcome&)> then;
  bool is_unknown = false;  // a try may have taken effect
};

class client_group::client {
 public:
  client(client_group& group, std::uint64_t id, std::uint64_t seed)
      : group_(group), id_(id), random_(seed), node_(draw_node()) {
    uses_sessions_ = percent(group_.work_.sessions);
  }

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
    if (uses_sessions_ && !session_) return open_session();
    if (session_ && percent(2)) return close_session();
    if (repeatable_ && percent(20)) return repeat();
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
    put_in_session(r);
    const repeatable sent{r.call.payload, r.call.session, r.call.serial, {}};
    group_.send(std::move(r), [this, key, is_get, sent](const command_outcome& outcome) {
      if (outcome && is_get) seen_[key] = text_of(*outcome).value_or("");
      if (outcome && sent.serial != 0)
        repeatable_ = {sent.payload, sent.session, sent.serial, std::string(outcome->text())};
      if (!outcome) look_elsewhere(outcome.error());
      go_on();
    });
  }

  // Sessions.

  /// A command that was done, and its answer.
  struct repeatable {
    shared_bytes payload;
    session_id session = 0;
    std::uint64_t serial = 0;
    std::string answer;
  };

  void open_session() {
    serial_ = 0;
    group_.world_.open(node_, group_.work_.timeout, [this](const result<session_id>& opened) {
      if (opened) session_ = *opened;
      if (!opened) look_elsewhere(opened.error());
      go_on();
    });
  }

  void close_session() {
    group_.world_.close(node_, group_.work_.timeout, *std::exchange(session_, std::nullopt),
                        [this](const command_outcome& closed) {
                          if (!closed) look_elsewhere(closed.error());
                          go_on();
                        });
  }

  /// A command in a session is tried until its outcome is certain, or for long enough.
  void put_in_session(request& r) {
    if (!session_ || !r.call.changes) return;
    r.call.session = *session_;
    r.call.serial = ++serial_;
    r.tries = 8;
    r.next = [this](const error& why) {
      look_elsewhere(why);
      return node_;
    };
  }

  /// What was done is not done again: it is answered as the first time, or refused.
  void repeat() {
    request r;
    r.is_recorded = false;
    r.call.changes = true;
    r.call.node = node_;
    r.call.timeout = group_.work_.timeout;
    r.call.payload = repeatable_->payload;
    r.call.session = repeatable_->session;
    r.call.serial = repeatable_->serial;
    group_.send(std::move(r), [this, first = repeatable_->answer](const command_outcome& outcome) {
      if (outcome && outcome->text() != first) {
        throw simulation::violation(
            simulation::property::exactly_once, node_,
            simulation::sentence("client ", id_, " is answered \"", outcome->text(),
                                 "\" when it asks again, and was answered \"", first, "\""));
      }
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
    if (why.code == error_code::session_expired) session_.reset();
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
    } else if (group_.work_.lease_reads > 0 && percent(group_.work_.lease_reads)) {
      r.call.level = read_level::lease;
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
  bool uses_sessions_ = false;
  std::optional<session_id> session_;
  std::uint64_t serial_ = 0;  // the last
  std::optional<repeatable> repeatable_;
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
  auto state = std::make_shared<attempts>();
  state->then = std::move(then);
  r.what.start = nanoseconds(world_.now());
  if (r.is_recorded) {
    state->number = history_.begin(r.what);
    if (world_.begins) world_.begins(*state->number, r.call.node);
  }
  state->r = std::move(r);
  ++under_way_;
  world_.at(world_.now() + patience, [this, state] {
    end(state, fail(error_code::timed_out, "the client waits no longer"));
  });
  attempt(state);
}

void client_group::attempt(const std::shared_ptr<attempts>& state) {
  const client_call& what = state->r.call;
  --state->r.tries;
  world_.call(
      {.node = what.node,
       .payload = what.payload,
       .changes = what.changes,
       .timeout = what.timeout,
       .forward = what.forward,
       .level = what.level,
       .session = what.session,
       .serial = what.serial,
       .done = [this, state](const command_outcome& outcome) { take_outcome(state, outcome); }});
}

/// Within a session, whatever may have happened is tried again, and whatever did not as well. A
/// session that is over cannot tell any more.
void client_group::take_outcome(const std::shared_ptr<attempts>& state,
                                const command_outcome& outcome) {
  if (!state->then) return;
  auto& r = state->r;
  if (outcome || r.call.serial == 0) return end(state, outcome);
  const bool is_unknown = outcome_of(outcome.error().code) == mainstay::outcome::unknown;
  state->is_unknown = state->is_unknown || is_unknown;
  const bool is_over = outcome.error().code == error_code::session_expired ||
                       outcome.error().code == error_code::stale_serial;
  if (is_over || r.tries == 0) {
    if (!state->is_unknown || is_unknown) return end(state, outcome);
    return end(state, fail(error_code::timed_out, "an earlier try may have been carried out"));
  }
  if (is_unknown) ++counters_.retried;
  r.call.node = r.next(outcome.error());
  world_.at(world_.now() + work_.timeout / 8, [this, state] {
    if (state->then) attempt(state);
  });
}

void client_group::end(const std::shared_ptr<attempts>& state, const command_outcome& outcome) {
  if (!state->then) return;
  --under_way_;
  const auto how = outcome_in_history(outcome);
  ++(how == operation_outcome::done      ? counters_.done
     : how == operation_outcome::refused ? counters_.refused
                                         : counters_.unknown);
  if (state->number) finish(*state->number, outcome);
  if (outcome && state->r.call.changes) world_.acknowledged(state->r.call.payload);
  std::exchange(state->then, nullptr)(outcome);
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

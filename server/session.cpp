#include "server/session.hpp"

#include <algorithm>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/machines/key_value/answer.hpp"
#include "mainstay/machines/key_value/command.hpp"

#include "server/consistency_command.hpp"
#include "server/local_commands.hpp"
#include "server/lock_command.hpp"

namespace mainstay::server {

namespace {

/// What each command under way counts for, beside its bytes.
constexpr std::size_t command_overhead = 64;
/// With so many bytes of replies waiting to be sent, no further commands are taken.
constexpr std::size_t full_output = 1 << 20;
/// So many bytes of answers may be expected from what is under way.
constexpr std::size_t full_answers = 4 << 20;
/// What a value is taken for at first, and at least.
constexpr std::size_t unknown_value = full_answers / 16;
constexpr std::size_t least_value = 1 << 10;
/// How much of a client's words an error repeats.
constexpr std::size_t quoted_bytes = 128;

constexpr auto relaxed = std::memory_order_relaxed;

std::string unknown_command(argument_list arguments) {
  std::string text = "ERR unknown command '";
  text += arguments.front().substr(0, quoted_bytes);
  text += "', with args beginning with: ";
  const std::size_t end = text.size() + quoted_bytes;
  for (const auto& argument : arguments.subspan(1)) {
    if (text.size() >= end) break;
    text += '\'';
    text += argument.substr(0, end - text.size());
    text += "' ";
  }
  return text;
}

constexpr std::string_view no_session =
    "ERR no session: MAINSTAY SESSION OPEN opens one, MAINSTAY SESSION USE goes on with one";

/// True for an answer of the machine that says why there is none.
bool is_failure(std::string_view answer) {
  return !answer.empty() &&
         keyspace::answer_reader(answer).next().kind == keyspace::answer_kind::failure;
}

/// How many values a command reads whole.
std::size_t values_read(const command_entry& entry, argument_list arguments) {
  if (entry.name == command_name::get) return 1;
  return entry.name == command_name::mget ? arguments.size() - 1 : 0;
}

/// A web page can make a browser send these; what follows would be taken for commands.
bool is_http(std::string_view word) {
  return equals_ignoring_case(word, "POST") || equals_ignoring_case(word, "Host:");
}

}  // namespace

session::session(session_context& context, std::uint64_t id)
    : context_(context),
      id_(id),
      parser_(parser_limits(context.limits)),
      expected_value_(unknown_value) {}

std::size_t session::receive(std::string_view input, const std::shared_ptr<outcome_sink>& self) {
  using progress = resp::request_parser::progress;
  std::size_t used = 0;
  std::uint64_t commands = 0;
  waiting_ = false;
  while (!closing_) {
    if (is_full()) {
      waiting_ = true;
      break;
    }
    const auto state = parser_.next(input.substr(used));
    if (state == progress::broken) {
      context_.counters.protocol_errors.fetch_add(1, relaxed);
      reply_error("ERR " + parser_.failure());
      closing_ = true;
      break;
    }
    if (state == progress::incomplete) {
      used += parser_.consumed();
      break;
    }
    if (execute(parser_.arguments(), self) == step::wait) {
      waiting_ = true;
      break;
    }
    used += parser_.consumed();
    ++commands;
  }
  if (commands > 0) context_.counters.commands.fetch_add(commands, relaxed);
  return used;
}

session::step session::execute(argument_list arguments, const std::shared_ptr<outcome_sink>& self) {
  const auto* entry = command_of(arguments);
  if (entry == nullptr) {
    if (is_http(arguments.front())) {
      context_.counters.protocol_errors.fetch_add(1, relaxed);
      closing_ = true;
      return step::done;
    }
    reply_error(unknown_command(arguments));
    return step::done;
  }
  if (!arity_fits(*entry, arguments.size())) {
    reply_error("ERR wrong number of arguments for '" + to_lower(entry->text) + "' command");
    return step::done;
  }
  if (entry->name == command_name::mainstay && is_session_command(arguments)) {
    return execute_session(arguments.subspan(2), self);
  }
  if (entry->name == command_name::mainstay && is_wait_command(arguments)) {
    return execute_wait(arguments, self);
  }
  if (entry->kind == command_kind::local) return execute_local(*entry, arguments);
  return execute_remote(*entry, arguments, self);
}

session::step session::execute_local(const command_entry& entry, argument_list arguments) {
  // HELLO changes how replies are written, so that earlier ones come first; a token covers them.
  const bool comes_last = entry.name == command_name::hello || is_token_command(arguments);
  if (comes_last && !pending_.empty()) return step::wait;
  reply([&](std::string& out) { run_local_command({*this, context_, entry, arguments}, out); });
  if (entry.name == command_name::quit) closing_ = true;
  return step::done;
}

session::step session::execute_remote(const command_entry& entry, argument_list arguments,
                                      const std::shared_ptr<outcome_sink>& self) {
  lane way = lane::write;
  if (!choose_lane(entry.kind, way)) return step::wait;
  auto payload = translate(entry, arguments, context_.arena, context_.limits);
  if (!payload) {
    reply_error(payload.error());
    return step::done;
  }
  const read_terms terms = terms_of(way);
  auto& run = run_for(way, self.get(), terms);
  const std::size_t bytes = payload->size() + command_overhead;
  const std::size_t values = values_read(entry, arguments);
  // What walks over the keys may find any number of them, and goes alone.
  const bool walks = entry.name == command_name::scan || entry.name == command_name::keys ||
                     entry.name == command_name::xrange;
  const std::size_t expected = walks ? full_answers : values * expected_value_;
  run.bytes += bytes;
  run.values += values;
  run.expected += expected;
  bytes_under_way_ += bytes;
  bytes_expected_ += expected;
  context_.commands.add(way, self, run.run, *std::move(payload), terms);
  return step::done;
}

read_terms session::terms_of(lane way) const {
  if (way != lane::linearizable_read && way != lane::stale_read) return {};
  read_terms terms{.level = level};
  if (level == consistency::bounded) terms.max_age = max_age;
  if (level == consistency::token) terms.least = token;
  return terms;
}

/// MAINSTAY WAIT index [timeout]: a read that asks for the number of keys, since it has to ask for
/// something, and is carried out when that much is applied here.
session::step session::execute_wait(argument_list arguments,
                                    const std::shared_ptr<outcome_sink>& self) {
  const auto wait = parse_wait_command(arguments);
  if (!wait) {
    reply_error(wait.error());
    return step::done;
  }
  auto payload = encode(context_.arena, keyspace::operation::size, {});
  const read_terms terms{
      .level = consistency::token, .least = wait->index, .patience = wait->patience};
  pending_.push_back({.run = next_run_++, .way = lane::stale_read, .text = {}});
  auto& run = pending_.back();
  run.awaited = wait->index;
  run.bytes = payload.size() + command_overhead;
  bytes_under_way_ += run.bytes;
  context_.commands.add(lane::stale_read, self, run.run, std::move(payload), terms);
  return step::done;
}

/// The index when it is reached, null when the time is over first.
void session::write_wait_outcome(std::string& out, log_index awaited,
                                 const command_outcome& found) {
  resp::reply_writer writer(out, protocol);
  if (found) return writer.integer(static_cast<std::int64_t>(awaited.value()));
  if (found.error().code == error_code::timed_out) return writer.null();
  writer.failure(found.error());
}

/// MAINSTAY SESSION …: `arguments` is what follows.
session::step session::execute_session(argument_list arguments,
                                       const std::shared_ptr<outcome_sink>& self) {
  const auto command = parse_session_command(arguments);
  if (!command) {
    reply_error(command.error());
    return step::done;
  }
  // What changes the session comes between the commands that are within one and the other.
  const bool changes = command->what != session_command::kind::execute;
  if (binding_ || (changes && !pending_.empty())) return step::wait;
  switch (command->what) {
    case session_command::kind::open:
      ask_session(
          {.operation = session_operation::open, .limits = context_.limits.sessions, .command = {}},
          self);
      break;
    case session_command::kind::use:
      bound_session = command->session;
      reply([&](std::string& out) { resp::reply_writer(out, protocol).ok(); });
      break;
    case session_command::kind::close:
      if (bound_session == 0) {
        reply_error(no_session);
        break;
      }
      ask_session({.operation = session_operation::close,
                   .limits = {},
                   .session = bound_session,
                   .command = {}},
                  self);
      break;
    case session_command::kind::execute:
      return execute_within(*command, self);
  }
  return step::done;
}

session::step session::execute_within(const session_command& command,
                                      const std::shared_ptr<outcome_sink>& self) {
  const auto* entry = command_of(command.arguments);
  const auto refuse = [&](std::string_view text) {
    reply_error(text);
    return step::done;
  };
  if (bound_session == 0) return refuse(no_session);
  if (entry == nullptr) return refuse(unknown_command(command.arguments));
  if (!arity_fits(*entry, command.arguments.size())) {
    return refuse("ERR wrong number of arguments for '" + to_lower(entry->text) + "' command");
  }
  if (entry->kind != command_kind::write && entry->kind != command_kind::point_read) {
    return refuse("ERR '" + to_lower(entry->text) + "' cannot be carried out within a session");
  }
  // Between the two ways into the log there is no order.
  if (reads_under_way_ > 0 || writes_under_way_ > session_runs_) return step::wait;
  auto payload = translate(*entry, command.arguments, context_.arena, context_.limits);
  if (!payload) return refuse(payload.error());
  ask_session({.limits = {},
               .session = bound_session,
               .serial = command.serial,
               .lowest_waiting = command.lowest_waiting,
               .command = *std::move(payload)},
              self);
  return step::done;
}

void session::ask_session(const session_request& request,
                          const std::shared_ptr<outcome_sink>& self) {
  binding_ = request.operation != session_operation::use;
  auto& run = run_for(lane::session, self.get());
  run.asks = request.operation;
  auto payload = encode(request);
  const std::size_t bytes = payload.size() + command_overhead;
  run.bytes += bytes;
  bytes_under_way_ += bytes;
  context_.commands.add(lane::session, self, run.run, std::move(payload));
}

void session::write_session_outcome(std::string& out, session_operation asked,
                                    command_outcome& found) {
  binding_ = false;
  if (asked == session_operation::open && found) {
    const auto id = opened_session(*found);
    if (id) {
      bound_session = *id;
      return resp::reply_writer(out, protocol).integer(static_cast<std::int64_t>(*id));
    }
    found = std::unexpected(id.error());
  }
  if (asked == session_operation::close && found) bound_session = 0;
  write_outcomes(out, {&found, 1});
}

/// False: wait.
bool session::choose_lane(command_kind kind, lane& chosen) const {
  const bool asks_cluster = level == consistency::linearizable || level == consistency::lease;
  const bool needs_time = kind == command_kind::timed_read && asks_cluster;
  if (kind == command_kind::write || needs_time) {
    // The read index of a read under way may come to include this write.
    chosen = lane::write;
    return reads_under_way_ == 0 && session_runs_ == 0;
  }
  if (level == consistency::stale || level == consistency::bounded) {
    chosen = lane::stale_read;
    return true;
  }
  if (writes_under_way_ == 0) {
    chosen = lane::linearizable_read;
    return true;
  }
  if (session_runs_ > 0) return false;  // there is no order between the two ways into the log
  // A read index asked for now may be older than the writes under way. In the log, the read comes
  // after them for certain, and nobody waits.
  chosen = lane::write;
  return kind == command_kind::point_read;
}

/// The run that the next command of this lane belongs to: the last one, or a new one.
session::pending_reply& session::run_for(lane way, const outcome_sink* self,
                                         const read_terms& terms) {
  const bool joins = !pending_.empty() && pending_.back().run != 0 && pending_.back().way == way &&
                     !pending_.back().awaited &&
                     context_.commands.is_open(way, self, pending_.back().run, terms);
  if (!joins) {
    pending_.push_back({.run = next_run_++, .way = way, .text = {}});
    if (way == lane::write || way == lane::session) ++writes_under_way_;
    if (way == lane::session) ++session_runs_;
    if (way == lane::linearizable_read) ++reads_under_way_;
  }
  return pending_.back();
}

void session::complete(std::uint64_t run, std::span<command_outcome> found) {
  const auto reply = std::ranges::find(pending_, run, &pending_reply::run);
  MAINSTAY_ASSERT(reply != pending_.end() && !reply->done);
  if (reply->way == lane::write || reply->way == lane::session) --writes_under_way_;
  if (reply->way == lane::session) --session_runs_;
  if (reply->way == lane::linearizable_read) --reads_under_way_;
  bytes_under_way_ -= reply->bytes;
  bytes_expected_ -= reply->expected;
  learn_size(reply->values, found);
  token = std::max(token, context_.cluster.token());
  reply->done = true;
  const bool is_next = reply == pending_.begin();
  auto& out = is_next ? output_ : reply->text;
  if (reply->awaited) {
    write_wait_outcome(out, reply->awaited, found.front());
  } else if (reply->asks == session_operation::use) {
    write_outcomes(out, found);
  } else {
    write_session_outcome(out, reply->asks, found.front());
  }
  bytes_held_ += reply->text.size();
  if (is_next) flush_done();
}

/// A larger value counts at once, smaller ones step by step, and what failed says nothing: what is
/// let through may be too much once, but not again.
void session::learn_size(std::size_t values, std::span<const command_outcome> found) {
  if (values == 0) return;
  std::size_t bytes = 0;
  bool failed = false;
  for (const auto& each : found) {
    failed = failed || !each || is_failure(each->text());
    bytes += each ? each->size() : 0;
  }
  const std::size_t at_least = failed ? expected_value_ : expected_value_ / 2;
  expected_value_ = std::max({bytes / values, at_least, least_value});
}

void session::write_outcomes(std::string& out, std::span<command_outcome> found) {
  resp::reply_writer writer(out, protocol);
  for (const auto& each : found) {
    if (each) {
      writer.answer(each->text());
      continue;
    }
    writer.failure(each.error());
    auto& counters = context_.counters;
    const bool refused = outcome_of(each.error().code) == outcome::refused;
    (refused ? counters.refused : counters.unknown).fetch_add(1, relaxed);
  }
}

void session::flush_done() {
  while (!pending_.empty() && pending_.front().done) {
    output_ += pending_.front().text;
    bytes_held_ -= pending_.front().text.size();
    pending_.pop_front();
  }
}

/// A reply that this session gives itself, behind those that are still awaited.
template <class Write>
void session::reply(Write write) {
  const bool is_next = pending_.empty();
  if (!is_next && pending_.back().run != 0) pending_.push_back({.done = true, .text = {}});
  auto& out = is_next ? output_ : pending_.back().text;
  const std::size_t before = out.size();
  write(out);
  if (out.size() > before && out[before] == '-') context_.counters.errors.fetch_add(1, relaxed);
  if (!is_next) bytes_held_ += out.size() - before;
}

void session::reply_error(std::string_view text) {
  reply([&](std::string& out) { resp::reply_writer(out, protocol).error(text); });
}

bool session::is_full() const {
  return bytes_under_way_ >= context_.limits.pipeline_bytes || bytes_expected_ >= full_answers ||
         output_.size() + bytes_held_ >= full_output;
}

}  // namespace mainstay::server

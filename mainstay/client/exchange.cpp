#include "mainstay/client/exchange.hpp"

#include <algorithm>

namespace mainstay::detail {

namespace {

bool has_code(const reply& answer, std::string_view code) {
  return answer.kind == reply::type::error && answer.text.starts_with(code) &&
         (answer.text.size() == code.size() || answer.text[code.size()] == ' ');
}

}  // namespace

void exchange::submit(std::uint64_t ticket, std::vector<std::string> command, bool is_read,
                      instant deadline) {
  calls_.emplace(ticket, call{std::move(command), is_read, deadline});
}

void exchange::connect() {
  state_ = state::connecting;
  out_.connect_to = node_;
}

void exchange::connected(instant now) {
  if (state_ != state::connecting) return;
  state_ = state::greeting;
  reader_ = {};
  expected_.clear();
  say({"INFO", "replication"});
  expect(expected_reply::what::role, now);
}

void exchange::expect(expected_reply::what kind, instant now, std::uint64_t ticket) {
  expected_.push_back({kind, ticket, now});
}

void exchange::say(std::vector<std::string> command) { append_command(out_.bytes, command); }

void exchange::received(std::string_view bytes, instant now) {
  if (state_ != state::greeting && state_ != state::ready) return;
  reader_.add(bytes);
  reply answer;
  while (state_ == state::greeting || state_ == state::ready) {
    const auto whole = reader_.next(answer);
    if (whole && !*whole) break;
    if (!whole || expected_.empty()) return give_up_connection(now);
    const expected_reply to = expected_.front();
    expected_.pop_front();
    on_reply(to, std::move(answer), now);
  }
  if (state_ == state::ready) send_ready(now);
}

void exchange::on_reply(const expected_reply& to, reply answer, instant now) {
  using what = expected_reply::what;
  switch (to.kind) {
    case what::role:
      return on_role(answer, now);
    case what::agreement:
      if (answer.kind == reply::type::error) give_up_connection(now);
      return;
    case what::opening:
      if (answer.kind != reply::type::integer) return give_up_connection(now);
      session_ = static_cast<std::uint64_t>(answer.number);
      next_serial_ = 1;
      state_ = state::ready;
      return;
    case what::binding:
      if (answer.kind == reply::type::error) return give_up_connection(now);
      state_ = state::ready;
      return;
    case what::command:
      return on_answer(to.ticket, std::move(answer), now);
  }
}

/// A node that does not lead is left for another, as long as one is there that was not asked.
void exchange::on_role(const reply& answer, instant now) {
  const bool leads = answer.text.find("role:master") != std::string::npos;
  if (!leads && ++looked_ < nodes_) {
    give_up_connection(now);
    resume_ = now;
    return;
  }
  looked_ = 0;
  if (!limits_.freshness.empty()) {
    std::vector<std::string> words{"MAINSTAY", "CONSISTENCY"};
    words.insert(words.end(), limits_.freshness.begin(), limits_.freshness.end());
    say(std::move(words));
    expect(expected_reply::what::agreement, now);
  }
  greet(now);
}

void exchange::greet(instant now) {
  if (session_ == 0) {
    say({"MAINSTAY", "SESSION", "OPEN"});
    return expect(expected_reply::what::opening, now);
  }
  say({"MAINSTAY", "SESSION", "USE", std::to_string(session_)});
  expect(expected_reply::what::binding, now);
}

void exchange::on_answer(std::uint64_t ticket, reply answer, instant now) {
  const auto found = calls_.find(ticket);
  if (found == calls_.end()) return;  // its deadline has passed
  call& one = found->second;
  one.under_way = false;
  if (has_code(answer, "UNAVAILABLE")) return give_up_connection(now);
  if (has_code(answer, "UNKNOWN")) {
    one.maybe_applied = true;
    return give_up_connection(now);
  }
  const bool ended = has_code(answer, "SESSIONEXPIRED");
  if (ended || has_code(answer, "STALESERIAL")) {
    session_over_ = session_over_ || ended;
    const auto outcome = one.maybe_applied ? call_outcome::unknown : call_outcome::refused;
    return finish(ticket, outcome, {}, std::move(answer.text));
  }
  finish(ticket, call_outcome::done, std::move(answer), {});
}

/// What was tried within a session that is over cannot be tried again: nobody would notice that it
/// comes twice. What was not applied for certain may go on in the next session.
void exchange::session_ended() {
  session_ = 0;
  session_over_ = false;
  std::vector<std::uint64_t> lost;
  for (auto& [ticket, one] : calls_) {
    if (one.serial == 0) continue;
    if (one.maybe_applied) lost.push_back(ticket);
    one.serial = 0;
  }
  for (const auto ticket : lost) {
    finish(ticket, call_outcome::unknown, {}, "the session ended before the answer came");
  }
}

void exchange::lost(instant now) {
  if (state_ == state::pausing) return;
  for (auto& [ticket, one] : calls_) {
    if (std::exchange(one.under_way, false)) one.maybe_applied = true;
  }
  expected_.clear();
  if (session_over_) session_ended();
  node_ = (node_ + 1) % nodes_;
  state_ = state::pausing;
  resume_ = now + limits_.pause;
}

void exchange::give_up_connection(instant now) {
  out_.disconnect = true;
  out_.bytes.clear();
  out_.connect_to.reset();
  lost(now);
}

void exchange::advance(instant now) {
  std::vector<std::uint64_t> late;
  for (auto& [ticket, one] : calls_) {
    if (one.deadline <= now) late.push_back(ticket);
  }
  for (const auto ticket : late) {
    const call& one = calls_.at(ticket);
    const bool perhaps = !one.is_read && (one.under_way || one.maybe_applied);
    finish(ticket, perhaps ? call_outcome::unknown : call_outcome::refused, {},
           "the deadline passed");
  }
  if (state_ == state::connecting && now >= since_ + limits_.attempt) give_up_connection(now);
  if (!expected_.empty() && now >= expected_.front().since + limits_.attempt) {
    give_up_connection(now);
  }
  if (state_ == state::pausing && now >= resume_ && !calls_.empty()) {
    since_ = now;
    connect();
  }
  if (state_ == state::ready) send_ready(now);
}

void exchange::send_ready(instant now) {
  if (session_over_) {
    if (!expected_.empty()) return;  // others may still be answered
    session_ended();
    state_ = state::greeting;
    return greet(now);
  }
  // What was tried before has the lower serials, and comes first.
  for (auto& [ticket, one] : calls_) {
    if (!one.under_way && !send_call(ticket, one, now)) return;
  }
}

/// False: there is no room in the window.
bool exchange::send_call(std::uint64_t ticket, call& one, instant now) {
  if (expected_.size() >= limits_.window) return false;
  if (one.is_read) {
    append_command(out_.bytes, one.command);
  } else {
    const std::uint64_t serial = one.serial != 0 ? one.serial : next_serial_;
    const std::uint64_t lowest = std::min(lowest_waiting(), serial);
    if (serial - lowest >= limits_.window) return false;
    if (one.serial == 0) one.serial = next_serial_++;
    std::vector<std::string> words{"MAINSTAY", "SESSION", "EXEC",
                                   std::to_string(serial) + "/" + std::to_string(lowest)};
    words.insert(words.end(), one.command.begin(), one.command.end());
    append_command(out_.bytes, words);
  }
  one.under_way = true;
  expect(expected_reply::what::command, now, ticket);
  return true;
}

void exchange::finish(std::uint64_t ticket, call_outcome outcome, reply answer,
                      std::string reason) {
  out_.completed.emplace_back(ticket, call_result{outcome, std::move(answer), std::move(reason)});
  calls_.erase(ticket);
}

void exchange::abandon() {
  while (!calls_.empty()) {
    const auto& [ticket, one] = *calls_.begin();
    const bool perhaps = !one.is_read && (one.under_way || one.maybe_applied);
    finish(ticket, perhaps ? call_outcome::unknown : call_outcome::refused, {},
           "the client was closed");
  }
}

std::uint64_t exchange::lowest_waiting() const {
  std::uint64_t lowest = next_serial_;
  for (const auto& [ticket, one] : calls_) {
    if (one.serial != 0) lowest = std::min(lowest, one.serial);
  }
  return lowest;
}

instant exchange::next_deadline() const {
  instant next = instant::max();
  for (const auto& [ticket, one] : calls_) next = std::min(next, one.deadline);
  if (state_ == state::pausing && !calls_.empty()) next = std::min(next, resume_);
  if (state_ == state::connecting) next = std::min(next, since_ + limits_.attempt);
  if (!expected_.empty()) next = std::min(next, expected_.front().since + limits_.attempt);
  return next;
}

}  // namespace mainstay::detail

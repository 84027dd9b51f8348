#include "server/server_machine.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "mainstay/base/assert.hpp"
#include "mainstay/base/fields.hpp"
#include "mainstay/machines/key_value/glob.hpp"

#include "server/machine_command.hpp"

namespace mainstay::server {

using keyspace::answer_kind;
using keyspace::operation;

namespace {

constexpr std::string_view wrong_type =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
constexpr std::string_view malformed = "ERR malformed command of the server's machine";
constexpr std::string_view answer_too_large =
    "ERR the answer would be too large; ask for less of it with COUNT";
constexpr std::string_view too_much_outstanding =
    "UNAVAILABLE too many bytes of answers wait to be taken; ask again";
constexpr std::string_view id_too_small =
    "ERR The ID specified in XADD is equal or smaller than the target stream top item";
/// Answers up to here are never refused: what they take is bounded by the number of commands.
constexpr std::size_t small_answer = 4096;
/// The two bytes that tell which machine a command is for, and what it does.
constexpr std::size_t head_size = 2;

command_family family_of(std::string_view payload) {
  const auto first = payload.empty() ? '\0' : payload.front();
  if (first == static_cast<char>(command_family::log)) return command_family::log;
  if (first == static_cast<char>(command_family::lock)) return command_family::lock;
  return command_family::key_value;
}

template <class Operation>
Operation operation_of(std::string_view payload) {
  return payload.size() < head_size ? Operation{} : static_cast<Operation>(payload[1]);
}

std::string_view fields_of(std::string_view payload) {
  return payload.substr(std::min(payload.size(), head_size));
}

std::string text_of(record_id id) {
  return std::to_string(id.milliseconds) + "-" + std::to_string(id.sequence);
}

/// The number in an answer that is one.
std::int64_t integer_in(const shared_bytes& answer) {
  return keyspace::answer_reader(answer.text()).next().integer;
}

}  // namespace

/// Without logs, and before a lock passes on, the machines do not meet.
bool server_machine::is_plain(std::span<const applied_command> commands) const {
  if (!logs_.empty() || commands.empty()) return false;
  const auto next = locks_.next_expiry();
  if (next && *next <= commands.back().time) return false;
  return std::ranges::all_of(commands, [](const applied_command& c) {
    return family_of(c.payload.text()) == command_family::key_value;
  });
}

result<void> server_machine::apply(std::span<const applied_command> commands,
                                   std::span<shared_bytes> answers) {
  MAINSTAY_ASSERT(commands.size() == answers.size());
  if (is_plain(commands)) {
    locks_.advance_time(commands.back().time);
    return strings_.apply(commands, answers);
  }
  for (std::size_t i = 0; i < commands.size(); ++i) {
    auto answer = apply(commands[i]);
    if (!answer) return std::unexpected(answer.error());
    answers[i] = *std::move(answer);
  }
  return {};
}

result<shared_bytes> server_machine::apply(const applied_command& command) {
  locks_.advance_time(command.time);
  const auto payload = command.payload.text();
  const auto family = family_of(payload);
  if (family == command_family::key_value) {
    if (logs_.empty()) return strings_.apply(command);
    strings_.advance_time(command.time);
    return beside_logs(command.payload, [&] { return strings_.apply(command); });
  }
  strings_.advance_time(command.time);
  if (family == command_family::lock) {
    if (operation_of<lock_operation>(payload) == lock_operation::look)
      return query(command.payload);
    return carry_out_for_lock(command);
  }
  const auto operation = operation_of<log_operation>(payload);
  if (operation >= log_operation::length) return query(command.payload);
  return carry_out_for_log(command, fields_of(payload));
}

result<shared_bytes> server_machine::query(const shared_bytes& request) {
  const auto payload = request.text();
  switch (family_of(payload)) {
    case command_family::log:
      return look_into_log(payload);
    case command_family::lock:
      if (operation_of<lock_operation>(payload) != lock_operation::look) {
        return answers_.failure("ERR not a query");
      }
      return look_at_lock(fields_of(payload));
    case command_family::key_value:
      break;
  }
  if (logs_.empty()) return strings_.query(request);
  return beside_logs(request, [&] { return strings_.query(request); });
}

// ---- Strings beside logs
// --------------------------------------------------------------------------

/// Answers for the keys that are logs, and leaves the others to the key-value machine.
result<shared_bytes> server_machine::beside_logs(const shared_bytes& payload,
                                                 const asking& ask_strings) {
  auto decoded = keyspace::decode_command(payload.text());
  if (!decoded) return ask_strings();
  auto& command = *decoded;
  switch (command.operation) {
    case operation::erase:
      return erase(command.arguments, ask_strings);
    case operation::exists: {
      std::int64_t found = 0;
      for (auto keys = command.arguments; !keys.at_end();) found += is_log(keys.next()) ? 1 : 0;
      return answers_.integer(integer_in(*ask_strings()) + found);
    }
    case operation::flush_all:
      logs_.clear();
      return ask_strings();
    case operation::size:
      return answers_.integer(static_cast<std::int64_t>(size()));
    case operation::scan:
    case operation::keys:
      return list_keys(command, ask_strings);
    default:
      break;
  }
  if (auto answer = answer_for_log(command)) {
    return *std::move(answer);
  }
  return ask_strings();
}

/// What a command about one key says when that is a log, and one that sets many when any is.
std::optional<shared_bytes> server_machine::answer_for_log(keyspace::command_view& command) {
  auto keys = command.arguments;
  if (command.operation == operation::set_many) {
    while (!keys.at_end()) {
      if (is_log(keys.next())) return answers_.failure(wrong_type);
      keys.next();
    }
    return std::nullopt;
  }
  if (command.operation == operation::get_many || !is_log(keys.next())) return std::nullopt;
  switch (command.operation) {
    case operation::type:
      return answers_.status("stream");
    case operation::expire:
      return answers_.failure("ERR a stream does not expire; DEL removes it");
    case operation::persist:
      return answers_.integer(0);
    case operation::time_left:
    case operation::expires_at:
      return answers_.integer(-1);
    default:
      return answers_.failure(wrong_type);
  }
}

/// No key is in both, so that the key-value machine does not count those that are logs.
shared_bytes server_machine::erase(keyspace::argument_reader keys, const asking& ask_strings) {
  std::int64_t erased = 0;
  while (!keys.at_end()) {
    const auto found = logs_.find(keys.next());
    if (found == logs_.end()) continue;
    logs_.erase(found);
    ++erased;
  }
  return answers_.integer(integer_in(*ask_strings()) + erased);
}

/// All that the key-value machine lists, and then the logs; those of a scan with its last part.
shared_bytes server_machine::list_keys(keyspace::command_view& command, const asking& ask_strings) {
  auto strings = *ask_strings();
  keyspace::answer_reader reader(strings.text());
  auto head = reader.next();
  if (head.kind != answer_kind::array) return strings;
  const bool is_scan = command.operation == operation::scan;
  std::string cursor;
  if (is_scan) {
    cursor = reader.next().text;
    if (cursor != "0") return strings;
    head = reader.next();
    command.arguments.next();
    command.arguments.next();
  }
  const auto pattern = command.arguments.next();
  for (std::size_t i = 0; i < head.count; ++i) answers_.add_bytes(reader.next().text);
  for (const auto& [key, log] : logs_) {
    if (keyspace::matches_glob(pattern, key)) answers_.add_bytes(key);
  }
  if (answers_.array_size() > keyspace::max_answer_bytes) {
    answers_.drop_array();
    return answers_.failure(answer_too_large);
  }
  return is_scan ? answers_.finish_array_after(cursor) : answers_.finish_array();
}

// ---- Logs ---------------------------------------------------------------------------------------

shared_bytes server_machine::carry_out_for_log(const applied_command& command,
                                               std::string_view fields) {
  field_reader reader(fields);
  const auto key = reader.text();
  if (key.empty() || key.size() > keyspace::max_key_bytes) return answers_.failure(malformed);
  if (strings_.contains(key)) return answers_.failure(wrong_type);
  switch (operation_of<log_operation>(command.payload.text())) {
    case log_operation::add:
      return add(command, key, reader.rest());
    case log_operation::trim: {
      const auto most = reader.number();
      if (!reader.is_whole()) break;
      const auto found = logs_.find(key);
      if (found == logs_.end()) return answers_.integer(0);
      const auto dropped =
          found->second.apply({command.index, command.time, replicated_log::keep_newest(most)});
      return answers_.integer(
          static_cast<std::int64_t>(replicated_log::count_in(*dropped).value_or(0)));
    }
    default:
      break;
  }
  return answers_.failure(malformed);
}

shared_bytes server_machine::add(const applied_command& command, std::string_view key,
                                 std::string_view rest) {
  field_reader reader(rest);
  const auto flags = reader.number();
  const auto most = reader.number();
  const auto append = reader.text();
  if (!reader.is_whole() || flags > only_existing) return answers_.failure(malformed);
  const auto found = logs_.find(key);
  if (found == logs_.end() && (flags & only_existing) != 0) return answers_.nil();
  replicated_log fresh;
  auto& log = found == logs_.end() ? fresh : found->second;
  const auto answer = log.apply({command.index, command.time, shared_bytes::copy_of(append)});
  const auto done = replicated_log::appended_in(*answer);
  if (!done) return answers_.failure(id_too_small);
  if (most != any_length) {
    std::ignore = log.apply({command.index, command.time, replicated_log::keep_newest(most)});
  }
  if (found == logs_.end()) logs_.emplace(key, std::move(fresh));
  return answers_.bytes(text_of(done->id));
}

shared_bytes server_machine::look_into_log(std::string_view payload) {
  field_reader reader(fields_of(payload));
  const auto key = reader.text();
  const auto operation = operation_of<log_operation>(payload);
  if (operation < log_operation::length) return answers_.failure("ERR not a query");
  if (strings_.contains(key)) return answers_.failure(wrong_type);
  const auto found = logs_.find(key);
  if (operation == log_operation::length && reader.is_whole()) {
    if (found == logs_.end()) return answers_.integer(0);
    const auto length = found->second.query(replicated_log::length());
    return answers_.integer(
        static_cast<std::int64_t>(replicated_log::count_in(*length).value_or(0)));
  }
  const record_id from{reader.number(), reader.number()};
  const record_id to{reader.number(), reader.number()};
  const auto count = reader.number();
  if (operation != log_operation::range || !reader.is_whole()) return answers_.failure(malformed);
  if (found == logs_.end()) return answers_.finish_array();
  return range(found->second, from, to, count);
}

/// A log gives fewer records than asked for when they would be too long; half an answer would pass
/// for a whole one.
shared_bytes server_machine::range(const replicated_log& log, record_id from, record_id to,
                                   std::uint64_t count) {
  const auto read = [&](record_id first, std::uint64_t most) {
    return replicated_log::records_in(*log.query(replicated_log::read(first, to, most)))
        .value_or(std::vector<log_record>());
  };
  const auto records = read(from, count);
  if (records.size() < count && !records.empty()) {
    auto next = records.back().id;
    if (++next.sequence == 0) ++next.milliseconds;
    if (next > records.back().id && !read(next, 1).empty()) {
      return answers_.failure(answer_too_large);
    }
  }
  for (const auto& record : records) {
    std::vector<std::string_view> fields;
    for (field_reader content(record.content); !content.rest().empty();) {
      fields.push_back(content.text());
    }
    answers_.add_array(2);
    answers_.add_bytes(text_of(record.id));
    answers_.add_array(fields.size());
    for (const auto field : fields) answers_.add_bytes(field);
  }
  const auto size = answers_.array_size();
  if (size > small_answer && answers_.outstanding() + size > outstanding_limit_) {
    answers_.drop_array();
    return answers_.failure(too_much_outstanding);
  }
  return answers_.finish_array();
}

// ---- Locks --------------------------------------------------------------------------------------

shared_bytes server_machine::carry_out_for_lock(const applied_command& command) {
  const auto inner = fields_of(command.payload.text());
  const auto answer = *locks_.apply({command.index, command.time, shared_bytes::copy_of(inner)});
  if (const auto released = distributed_lock::released_in(answer)) {
    return answers_.integer(*released ? 1 : 0);
  }
  const auto got = distributed_lock::grant_in(answer);
  if (!got) return answers_.failure("ERR " + got.error().message);
  if (got->token == 0 && got->place == 0) return answers_.nil();
  answers_.add_integer(static_cast<std::int64_t>(got->token));
  answers_.add_integer(static_cast<std::int64_t>(got->place));
  return answers_.finish_array();
}

shared_bytes server_machine::look_at_lock(std::string_view name) {
  const auto answer = *locks_.query(distributed_lock::look(name));
  const auto found = distributed_lock::holder_in(answer);
  if (!found || !*found) return answers_.nil();
  answers_.add_bytes((*found)->owner);
  answers_.add_integer(static_cast<std::int64_t>((*found)->token));
  answers_.add_integer((*found)->until.microseconds / 1000);
  answers_.add_integer(static_cast<std::int64_t>((*found)->waiting));
  return answers_.finish_array();
}

// ---- Time ---------------------------------------------------------------------------------------

void server_machine::advance_time(log_time time) {
  strings_.advance_time(time);
  locks_.advance_time(time);
}

std::optional<log_time> server_machine::next_expiry() const {
  const auto key = strings_.next_expiry();
  const auto lock = locks_.next_expiry();
  if (!key || !lock) return key ? key : lock;
  return std::min(*key, *lock);
}

}  // namespace mainstay::server

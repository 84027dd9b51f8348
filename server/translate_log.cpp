#include "server/translate_log.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "mainstay/base/assert.hpp"
#include "mainstay/base/fields.hpp"

#include "server/machine_command.hpp"
#include "server/resp/whole_number.hpp"

namespace mainstay::server {

namespace {

using translated = std::expected<shared_bytes, std::string>;

std::unexpected<std::string> refuse(std::string text) { return std::unexpected(std::move(text)); }

constexpr const char* syntax_error = "ERR syntax error";
constexpr const char* not_an_integer = "ERR value is not an integer or out of range";
constexpr const char* no_id = "ERR Invalid stream ID specified as stream command argument";

/// An id as a client writes it: 5, 5-1, 5-*.
struct written_id {
  std::uint64_t milliseconds = 0;
  std::optional<std::uint64_t> sequence;
  bool is_next = false;  ///< a star stands for the sequence
};

std::optional<written_id> parse_id(std::string_view text) {
  const auto dash = text.find('-');
  const auto milliseconds = resp::whole_number<std::uint64_t>(text.substr(0, dash));
  if (!milliseconds) return std::nullopt;
  written_id id{.milliseconds = *milliseconds};
  if (dash == std::string_view::npos) return id;
  const auto rest = text.substr(dash + 1);
  id.is_next = rest == "*";
  if (id.is_next) return id;
  id.sequence = resp::whole_number<std::uint64_t>(rest);
  return id.sequence ? std::optional(id) : std::nullopt;
}

/// MAXLEN [=|~] records. `at` stands on MAXLEN, and then on the last of it.
std::expected<std::uint64_t, std::string> read_length(argument_list arguments, std::size_t& at) {
  ++at;
  if (at < arguments.size() && (arguments[at] == "=" || arguments[at] == "~")) ++at;
  if (at >= arguments.size()) return refuse(syntax_error);
  const auto most = resp::whole_number<std::int64_t>(arguments[at]);
  if (!most) return refuse(not_an_integer);
  if (*most < 0) return refuse("ERR The MAXLEN argument must be >= 0.");
  return static_cast<std::uint64_t>(*most);
}

/// The command of the log itself.
translated append(std::string_view id, const field_writer& record) {
  if (record.view().size() > replicated_log::longest_record) {
    return refuse(fmt::format("ERR record of {} bytes is longer than {}", record.view().size(),
                              replicated_log::longest_record));
  }
  if (id == "*") return replicated_log::append(record.view());
  const auto written = parse_id(id);
  if (!written) return refuse(no_id);
  if (written->is_next) return replicated_log::append_at(written->milliseconds, {}, record.view());
  const auto sequence = written->sequence.value_or(0);
  if (written->milliseconds == 0 && sequence == 0) {
    return refuse("ERR The ID specified in XADD must be greater than 0-0");
  }
  return replicated_log::append_at(written->milliseconds, sequence, record.view());
}

/// XADD key [NOMKSTREAM] [MAXLEN [=|~] records] id field value [field value …]
translated translate_add(argument_list arguments) {
  std::uint64_t flags = 0;
  std::uint64_t most = any_length;
  std::size_t at = 2;
  for (; at < arguments.size(); ++at) {
    if (equals_ignoring_case(arguments[at], "NOMKSTREAM")) {
      flags |= only_existing;
    } else if (equals_ignoring_case(arguments[at], "MAXLEN")) {
      const auto length = read_length(arguments, at);
      if (!length) return std::unexpected(length.error());
      most = *length;
    } else {
      break;
    }
  }
  if (at + 2 >= arguments.size() || (arguments.size() - at) % 2 == 0) {
    return refuse("ERR wrong number of arguments for 'xadd' command");
  }
  field_writer record;
  for (const auto field : arguments.subspan(at + 1)) record.text(field);
  const auto command = append(arguments[at], record);
  if (!command) return command;
  return add_to_log(arguments[1], flags, most, *command);
}

/// XTRIM key MAXLEN [=|~] records
translated translate_trim(argument_list arguments) {
  std::size_t at = 2;
  if (!equals_ignoring_case(arguments[at], "MAXLEN")) return refuse(syntax_error);
  const auto most = read_length(arguments, at);
  if (!most) return std::unexpected(most.error());
  if (at + 1 != arguments.size()) return refuse(syntax_error);
  return trim_log(arguments[1], *most);
}

/// One end of a range: - and + for all, an id, or ( and an id that is not part of it.
std::expected<record_id, std::string> read_end(std::string_view text, bool is_first) {
  if (text == "-") return first_record;
  if (text == "+") return last_record;
  const bool is_open = text.starts_with('(');
  const auto written = parse_id(text.substr(is_open ? 1 : 0));
  if (!written || written->is_next) return refuse(no_id);
  record_id id{written->milliseconds,
               written->sequence.value_or(is_first ? 0 : last_record.sequence)};
  if (!is_open) return id;
  if (id == (is_first ? last_record : first_record)) {
    return refuse(fmt::format("ERR invalid {} ID for the interval", is_first ? "start" : "end"));
  }
  if (is_first) {
    if (++id.sequence == 0) ++id.milliseconds;
  } else {
    if (id.sequence-- == 0) --id.milliseconds;
  }
  return id;
}

/// XRANGE key start end [COUNT records]
translated translate_range(argument_list arguments) {
  const auto from = read_end(arguments[2], true);
  if (!from) return std::unexpected(from.error());
  const auto to = read_end(arguments[3], false);
  if (!to) return std::unexpected(to.error());
  std::uint64_t count = any_length;
  if (arguments.size() > 4) {
    if (arguments.size() != 6 || !equals_ignoring_case(arguments[4], "COUNT")) {
      return refuse(syntax_error);
    }
    const auto number = resp::whole_number<std::int64_t>(arguments[5]);
    if (!number) return refuse(not_an_integer);
    count = static_cast<std::uint64_t>(std::max<std::int64_t>(*number, 0));
  }
  return range_of_log(arguments[1], *from, *to, count);
}

}  // namespace

bool is_log_command(command_name name) {
  return name == command_name::xadd || name == command_name::xlen || name == command_name::xrange ||
         name == command_name::xtrim;
}

translated translate_log(const command_entry& entry, argument_list arguments) {
  switch (entry.name) {
    case command_name::xadd:
      return translate_add(arguments);
    case command_name::xtrim:
      return translate_trim(arguments);
    case command_name::xrange:
      return translate_range(arguments);
    default:
      MAINSTAY_ASSERT(entry.name == command_name::xlen);
      return length_of_log(arguments[1]);
  }
}

}  // namespace mainstay::server

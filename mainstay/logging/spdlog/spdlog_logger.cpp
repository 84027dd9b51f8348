#include "mainstay/logging/spdlog/spdlog_logger.hpp"

#include <array>
#include <chrono>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace mainstay {

namespace {

constexpr std::array level_names{"trace", "debug", "info", "warning", "error", "critical"};

spdlog::level::level_enum spdlog_level(log_level level) {
  switch (level) {
    case log_level::trace:
      return spdlog::level::trace;
    case log_level::debug:
      return spdlog::level::debug;
    case log_level::info:
      return spdlog::level::info;
    case log_level::warning:
      return spdlog::level::warn;
    case log_level::error:
      return spdlog::level::err;
    case log_level::critical:
      return spdlog::level::critical;
  }
  return spdlog::level::info;
}

using buffer = fmt::memory_buffer;

void put_time(buffer& out) {
  using namespace std::chrono;
  const auto now = floor<milliseconds>(system_clock::now());
  const auto seconds = floor<std::chrono::seconds>(now);
  fmt::format_to(std::back_inserter(out), "{:%FT%T}.{:03}Z", fmt::gmtime(seconds),
                 (now - seconds).count());
}

/// A quoted string with everything escaped that could end it, or the line.
void put_quoted(buffer& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void put_value(buffer& out, const log_field& field, log_format format) {
  const auto* text = std::get_if<std::string_view>(&field.value);
  if (text == nullptr) {
    std::visit(
        [&](const auto& value) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(value)>, std::string_view>) {
            fmt::format_to(std::back_inserter(out), "{}", value);
          }
        },
        field.value);
    return;
  }
  const bool plain = format == log_format::text && !text->empty() &&
                     text->find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789_-.:/") == std::string_view::npos;
  if (plain) {
    out.append(*text);
  } else {
    put_quoted(out, *text);
  }
}

}  // namespace

spdlog_logger::spdlog_logger(log_format format, log_level least)
    : spdlog_logger(std::make_shared<spdlog::logger>(
                        "mainstay", std::make_shared<spdlog::sinks::stderr_sink_mt>()),
                    format, least) {
  sink_->set_pattern("%v");
}

spdlog_logger::spdlog_logger(std::shared_ptr<spdlog::logger> sink, log_format format,
                             log_level least)
    : sink_(std::move(sink)), format_(format), least_(least) {
  sink_->set_level(spdlog::level::trace);
  sink_->flush_on(spdlog::level::info);
}

void spdlog_logger::log(log_level level, std::string_view component, std::string_view event,
                        std::span<const log_field> fields) {
  if (!enabled(level)) return;
  const char* name = level_names[static_cast<std::size_t>(level)];
  buffer line;
  if (format_ == log_format::text) {
    put_time(line);
    fmt::format_to(std::back_inserter(line), " {} {} {}", name, component, event);
    for (const auto& field : fields) {
      fmt::format_to(std::back_inserter(line), " {}=", field.name);
      put_value(line, field, format_);
    }
  } else {
    line.append(std::string_view(R"({"time":")"));
    put_time(line);
    fmt::format_to(std::back_inserter(line), R"(","level":"{}","component":)", name);
    put_quoted(line, component);
    line.append(std::string_view(R"(,"event":)"));
    put_quoted(line, event);
    for (const auto& field : fields) {
      line.push_back(',');
      put_quoted(line, field.name);
      line.push_back(':');
      put_value(line, field, format_);
    }
    line.push_back('}');
  }
  sink_->log(spdlog_level(level), std::string_view(line.data(), line.size()));
}

void spdlog_logger::flush() { sink_->flush(); }

}  // namespace mainstay

#include "mainstay/logging/boost_log/boost_log_logger.hpp"

#include <chrono>
#include <iostream>
#include <string>
#include <type_traits>
#include <utility>

#include <boost/log/attributes/attribute_value_impl.hpp>
#include <boost/log/attributes/attribute_value_set.hpp>
#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/sources/record_ostream.hpp>
#include <boost/log/trivial.hpp>
#include <boost/log/utility/setup/console.hpp>

namespace mainstay {

namespace logging = boost::log;
using logging::trivial::severity_level;

namespace {

severity_level severity_of(log_level level) {
  switch (level) {
    case log_level::trace:
      return severity_level::trace;
    case log_level::debug:
      return severity_level::debug;
    case log_level::info:
      return severity_level::info;
    case log_level::warning:
      return severity_level::warning;
    case log_level::error:
      return severity_level::error;
    case log_level::critical:
      return severity_level::fatal;
  }
  return severity_level::info;
}

template <class Value>
void add(logging::attribute_value_set& values, std::string_view name, Value value) {
  values.insert(logging::attribute_name(std::string(name)),
                logging::attributes::make_attribute_value(std::move(value)));
}

void add(logging::attribute_value_set& values, const log_field& field) {
  std::visit(
      [&](const auto& value) {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>) {
          add(values, field.name, std::string(value));
        } else {
          add(values, field.name, value);
        }
      },
      field.value);
}

}  // namespace

void boost_log_logger::log(log_level level, std::string_view component, std::string_view event,
                           std::span<const log_field> fields) {
  if (!levels_.enabled(component, level)) return;
  logging::attribute_value_set values(fields.size() + 3);
  add(values, "Severity", severity_of(level));
  add(values, "Channel", std::string(component));
  add(values, "Event", std::string(event));
  for (const auto& field : fields) add(values, field);
  const auto core = logging::core::get();
  auto record = core->open_record(std::move(values));
  if (!record) return;  // no sink wants it
  logging::record_ostream message(record);
  message << line_of({level, component, event, fields}, format_, std::chrono::system_clock::now());
  message.flush();
  core->push_record(std::move(record));
}

void log_messages_to_standard_error() {
  logging::add_console_log(
      std::clog,
      logging::keywords::format = logging::expressions::stream << logging::expressions::smessage,
      logging::keywords::auto_flush = true);
}

}  // namespace mainstay

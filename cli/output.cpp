/// The forms that all sub-commands share.
#include "cli/output.hpp"

#include <ostream>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mainstay::cli {

namespace {

using json = nlohmann::ordered_json;

std::string_view outcome_name(exit_code code) {
  switch (code) {
    case exit_code::unavailable:
      return "unavailable";
    case exit_code::unknown:
      return "unknown";
    default:
      return "invalid";
  }
}

std::string_view explain(exit_code code) {
  switch (code) {
    case exit_code::unavailable:
      return "not done (try again later)";
    case exit_code::unknown:
      return "UNKNOWN: it may have happened, or may yet";
    default:
      return "not done";
  }
}

bool is_utf8(std::string_view bytes) {
  try {
    (void)json(std::string(bytes)).dump();
    return true;
  } catch (const json::type_error&) {
    return false;
  }
}

}  // namespace

void put_bytes(json& object, std::string_view name, std::string_view bytes) {
  if (is_utf8(bytes)) {
    object[std::string(name)] = std::string(bytes);
    return;
  }
  std::string digits;
  for (const char c : bytes) digits += fmt::format("{:02x}", static_cast<unsigned char>(c));
  object[std::string(name) + "_hex"] = digits;
}

void print_json(const output& to, const json& value) {
  to.out << value.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
}

exit_code print_failure(const output& to, const request_failure& failure) {
  if (to.json) {
    print_json(to, {{"outcome", outcome_name(failure.code)}, {"error", failure.message}});
  } else {
    to.err << "mainstayctl: " << explain(failure.code) << ": " << failure.message << '\n';
  }
  return failure.code;
}

}  // namespace mainstay::cli

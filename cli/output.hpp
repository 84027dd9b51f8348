/// Where the sub-commands print: text for people, or JSON for programs. Answers go to `out`, what
/// went wrong to `err`.
#pragma once

#include <iosfwd>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/request.hpp"

namespace mainstay::cli {

/// The two streams and the form of a run.
struct output {
  std::ostream& out;
  std::ostream& err;
  bool json = false;
};

/// Sets `name` to the text, or `name_hex` to its bytes in hexadecimal when it is not UTF-8.
void put_bytes(nlohmann::ordered_json& object, std::string_view name, std::string_view bytes);

/// One line of JSON.
void print_json(const output& to, const nlohmann::ordered_json& value);

/// Tells a failed request and gives its exit status.
exit_code print_failure(const output& to, const request_failure& failure);

}  // namespace mainstay::cli

/// What the sub-commands of mainstayctl take from the command line. Plain data; main.cpp fills it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/endpoint.hpp"

namespace mainstay::cli {

/// Options that every sub-command understands.
struct common_options {
  std::vector<endpoint> endpoints;          ///< client ports, asked in this order
  std::vector<endpoint> admin_endpoints;    ///< admin HTTP ports
  std::chrono::milliseconds timeout{5000};  ///< of each operation on a connection
  bool json = false;
};

/// When `put` writes.
enum class put_condition : std::uint8_t { always, if_absent, if_present, if_equals };

/// Of `put`.
struct put_options {
  std::string key;
  std::string value;
  put_condition condition = put_condition::always;
  std::string expected;  ///< of `if_equals`
};

/// Of `get`.
struct get_options {
  std::string key;
  bool stale = false;  ///< any node's state will do
  bool raw = false;    ///< no line feed after the value
};

/// Of `delete`.
struct delete_options {
  std::vector<std::string> keys;
};

}  // namespace mainstay::cli

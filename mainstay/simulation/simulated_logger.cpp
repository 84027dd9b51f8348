#include "mainstay/simulation/simulated_logger.hpp"

#include <variant>

namespace mainstay::simulation {

namespace {

std::string text_of(std::string_view text) { return std::string(text); }
std::string text_of(bool yes) { return yes ? "true" : "false"; }
template <class Number>
std::string text_of(Number number) {
  return std::to_string(number);
}

}  // namespace

std::string line_of(node_id node, std::string_view event, std::span<const log_field> fields) {
  std::string line = "node " + std::to_string(node.value()) + ": " + std::string(event);
  for (const auto& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    line += std::visit([](const auto& value) { return text_of(value); }, field.value);
  }
  return line;
}

}  // namespace mainstay::simulation

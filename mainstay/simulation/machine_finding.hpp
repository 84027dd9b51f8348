/// How the parts of the test kit for machines say what they found.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

namespace mainstay::simulation {

/// Ends the check of a seed. `what()` is a sentence.
struct machine_finding : std::runtime_error {
  machine_finding(std::string which, std::size_t at, const std::string& text)
      : std::runtime_error(text), property(std::move(which)), command(at) {}

  std::string property;
  std::size_t command;  ///< from 1 on; 0: none in particular
};

}  // namespace mainstay::simulation

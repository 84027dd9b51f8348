/// Numbered calls and what became of them, for tests of anything that makes calls to peers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "mainstay/seams/network.hpp"

namespace mainstay::conformance {

/// What became of calls, by a number that the test chose: how often each completed, and how last.
class call_record {
 public:
  call_done expect(std::uint64_t number) {
    return [this, number](result<rpc_response> outcome) {
      ++completions_[number];
      outcomes_.insert_or_assign(number, std::move(outcome));
    };
  }
  std::size_t completed() const { return outcomes_.size(); }
  /// True when every call that completed did so once.
  bool once_each() const {
    for (const auto& [number, times] : completions_) {
      if (times != 1) return false;
    }
    return true;
  }
  const result<rpc_response>& operator[](std::uint64_t number) const {
    return outcomes_.at(number);
  }
  /// The error of a call, or nothing when it succeeded.
  std::optional<error_code> error_of(std::uint64_t number) const {
    const auto& outcome = outcomes_.at(number);
    return outcome ? std::nullopt : std::optional(outcome.error().code);
  }

 private:
  std::map<std::uint64_t, int> completions_;
  std::map<std::uint64_t, result<rpc_response>> outcomes_;
};

/// A small request that carries a number.
inline rpc_request numbered(std::uint64_t number) { return core::read_index{term(number)}; }
inline std::uint64_t number_of(const rpc_request& request) {
  return std::get<core::read_index>(request).term.value();
}
inline rpc_response answer_to(std::uint64_t number) {
  return core::read_index_response{term(number), true, log_index(number)};
}

}  // namespace mainstay::conformance

/// What clients did and were answered, as they saw it: the material from which a run is judged.
/// Written and read as JSON lines (docs/formats/history.md), so that any checker can judge it. It
/// knows no protocol and no machine; what a name means is for the model to say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/base/error.hpp"

namespace mainstay::simulation {

/// What a client knows of its operation's end.
enum class operation_outcome : std::uint8_t {
  done,     ///< carried out once, with `result`
  refused,  ///< certainly not carried out, now or later
  unknown,  ///< no answer: it may have been carried out, may yet, or never
};

/// The name as it stands in files: "done".
std::string_view name_of(operation_outcome o);

/// One operation of one client. Strings hold any bytes.
struct client_operation {
  std::uint64_t client = 0;
  std::string name;                     ///< "set"
  std::string key;                      ///< what it touches; operations on two keys are independent
  std::string argument;                 ///< empty when it takes none
  std::optional<std::string> expected;  ///< what a conditional operation compares with
  std::optional<std::string> result;    ///< none: the answer was nil, or there was none
  std::int64_t start = 0;               ///< in nanoseconds, on one clock for all clients
  std::int64_t end = 0;                 ///< of the answer, or when the client gave up
  operation_outcome outcome = operation_outcome::unknown;

  friend bool operator==(const client_operation&, const client_operation&) = default;
};

/// Collects operations while they happen. Not thread-safe.
class history {
 public:
  /// An operation begins; its outcome stays unknown until `finish`. Gives its number.
  std::size_t begin(client_operation started);
  /// The operation ends at `end` with this answer. Precondition: it was begun and not finished.
  void finish(std::size_t number, std::int64_t end, operation_outcome outcome,
              std::optional<std::string> result = std::nullopt);
  /// In the order of their beginnings.
  const std::vector<client_operation>& operations() const { return operations_; }
  /// How many have begun and not finished.
  std::size_t open() const { return open_; }

 private:
  std::vector<client_operation> operations_;
  std::vector<bool> is_open_;
  std::size_t open_ = 0;
};

/// One line a operation, each ending with a line feed.
std::string write_history(std::span<const client_operation> operations);

/// Reads what `write_history` wrote. Errors: `malformed`, with the line's number and what is wrong
/// there: not the format, a member missing, unknown or twice, an end before its start.
result<std::vector<client_operation>> read_history(std::string_view text);

}  // namespace mainstay::simulation

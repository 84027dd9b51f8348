/// Requests of the load generator, encoded once before the run: an endless repetition of the same
/// commands, of which any stretch can be written to a socket without touching its bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/uio.h>

namespace mainstay::cli {

/// What the load generator sends.
enum class load_kind : std::uint8_t { set, get, mixed };

/// How the commands look.
struct command_shape {
  load_kind kind = load_kind::set;
  std::uint64_t keys = 100'000;  ///< "key:000000000000" up to this many, each used as often
  std::size_t value_size = 16;   ///< bytes
  std::uint64_t seed = 1;        ///< of the order of keys and of the values' bytes
};

/// An endless sequence of commands: number i is the same as number i + size(). Immutable.
class command_ring {
 public:
  /// Encodes at least 16,384 commands, and every key once, as far as 64 MiB hold them. Every second
  /// one is a get when mixed. Preconditions: `keys > 0`, `value_size` at most 1 MiB.
  explicit command_ring(const command_shape& shape);

  /// How many commands the ring holds.
  std::uint64_t size() const { return ends_.size(); }
  /// How many different keys occur.
  std::uint64_t distinct_keys() const { return distinct_keys_; }

  /// How many bytes the commands [0, count) take, over as many rounds as that is.
  std::uint64_t offset_of(std::uint64_t count) const {
    const auto rest = count % size();
    return (count / size()) * bytes_.size() + (rest == 0 ? 0 : ends_[rest - 1]);
  }

  /// The bytes [from, to) of the endless sequence, in two pieces of which the second may be empty.
  /// Precondition: they are no more than one round.
  std::array<iovec, 2> stretch(std::uint64_t from, std::uint64_t to) const;

 private:
  void add(const command_shape& shape, std::uint64_t number, std::uint64_t key);

  std::string bytes_;
  std::string value_source_;
  std::vector<std::uint64_t> ends_;  ///< where each command ends
  std::uint64_t distinct_keys_ = 0;
};

}  // namespace mainstay::cli

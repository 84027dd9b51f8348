/// A state machine's state at one moment, held so that it can be written while applying goes on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "mainstay/seams/state_machine.hpp"

namespace mainstay::detail {

/// Writes a state that was frozen before. Called once, on any thread.
using state_saver = std::move_only_function<result<void>(const snapshot_writer&)>;

/// The state after the command at `index`.
struct frozen_state {
  log_index index;
  log_time time;  ///< of the entry at `index`
  state_saver save;
};

/// Bytes in pieces of equal size, so that growing never copies what is there.
class piecewise_buffer {
 public:
  void append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      if (pieces_.empty() || pieces_.back().size() == piece_size) {
        pieces_.emplace_back().reserve(piece_size);
      }
      auto& last = pieces_.back();
      const auto part = bytes.first(std::min(bytes.size(), piece_size - last.size()));
      last.insert(last.end(), part.begin(), part.end());
      bytes = bytes.subspan(part.size());
    }
  }
  /// Hands everything to `writer`, and gives the memory back as it goes.
  result<void> drain(const snapshot_writer& writer) {
    for (auto& piece : pieces_) {
      if (auto written = writer(piece); !written) return written;
      piece = {};
    }
    return {};
  }

 private:
  static constexpr std::size_t piece_size = 256 * 1024;
  std::vector<std::vector<std::byte>> pieces_;
};

/// Holds a machine's state: by its own `freeze` where it has one, else by a copy of what it saves.
template <state_machine Machine>
result<state_saver> freeze(Machine& machine) {
  if constexpr (freezable_state_machine<Machine>) {
    return state_saver([view = machine.freeze()](const snapshot_writer& writer) mutable {
      return view.save(writer);
    });
  } else {
    piecewise_buffer copy;
    auto saved = machine.save([&](std::span<const std::byte> bytes) -> result<void> {
      copy.append(bytes);
      return {};
    });
    if (!saved) return std::unexpected(saved.error());
    return state_saver([copy = std::move(copy)](const snapshot_writer& writer) mutable {
      return copy.drain(writer);
    });
  }
}

}  // namespace mainstay::detail

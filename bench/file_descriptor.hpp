/// Ownership of one file descriptor, for the benchmarks' own system calls.
#pragma once

#include <utility>

#include <unistd.h>

namespace mainstay::bench {

/// Closes what it holds. Movable; -1 holds nothing.
class file_descriptor {
 public:
  file_descriptor() = default;
  explicit file_descriptor(int value) : value_(value) {}
  file_descriptor(file_descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~file_descriptor() {
    if (value_ >= 0) close(value_);
  }

  /// The system's number for it.
  int get() const { return value_; }
  bool is_open() const { return value_ >= 0; }

 private:
  int value_ = -1;
};

}  // namespace mainstay::bench

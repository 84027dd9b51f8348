/// A table's content at one moment, readable on another thread while the table goes on changing.
/// Freezing copies the directory and nothing else: from then on the table copies the slots of a
/// segment before it changes them for the first time, and shares the records that stay what they
/// are.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "mainstay/machines/key_value/table_memory.hpp"

namespace mainstay::keyspace {

/// The moments at which a table was frozen and that somebody still looks at, and the memory that
/// the table has no more use for but they do. Shared by the table and its frozen ones. `is_seen`
/// and `retire` are for the table's thread, `close` for any.
class frozen_moments {
 public:
  frozen_moments() = default;
  frozen_moments(const frozen_moments&) = delete;
  frozen_moments& operator=(const frozen_moments&) = delete;

  /// Whether something of this birth is part of what somebody looks at. Once it is not, it never is
  /// again, and whoever looked has finished.
  bool is_seen(moment birth) const { return birth <= newest_.load(std::memory_order_acquire); }

  /// Somebody looks from now on. Precondition: later than any moment before.
  void open(moment at);
  /// Nobody looks at this moment any more; frees what was kept for it alone, on this thread.
  void close(moment at);

  /// Takes over a record, the slots of a segment (without the records), or a whole directory (with
  /// slots and records), and frees it when nobody sees it.
  void retire(record* r);
  void retire(const segment& s);
  void retire(directory d);

 private:
  /// What is freed when a moment is closed, because only it and earlier ones can see it.
  struct retired_memory {
    std::vector<record*> records;
    std::vector<slot*> blocks;
    std::vector<directory> directories;

    void take(retired_memory& other);
    void free() noexcept;
  };
  struct open_moment {
    moment at;
    retired_memory retired;
  };

  template <class Thing>
  bool keep(std::vector<Thing> retired_memory::* where, Thing thing, moment birth);

  /// 0: none. A change to an earlier one is a release: what was read has been read.
  std::atomic<moment> newest_ = 0;
  std::mutex mutex_;
  std::vector<open_moment> open_;  ///< earliest first
};

/// Frees everything that a directory leads to.
void free_all(const directory& d) noexcept;

/// What a table held when it was frozen. May outlive the table. One thread at a time may read it.
class frozen_table {
 public:
  /// Precondition: `at` is open in `moments`; this closes it in the end.
  frozen_table(std::shared_ptr<frozen_moments> moments, moment at, directory content,
               std::size_t size)
      : moments_(std::move(moments)), at_(at), content_(std::move(content)), size_(size) {}
  frozen_table(frozen_table&& other) noexcept = default;
  frozen_table& operator=(frozen_table&& other) noexcept;
  ~frozen_table() { close(); }

  std::size_t size() const { return size_; }
  /// Like the table's, of that moment.
  template <class Visit>
  void for_each(Visit&& visit) const {
    content_.for_each(visit);
  }

 private:
  void close() noexcept;

  std::shared_ptr<frozen_moments> moments_;  ///< null: moved from
  moment at_;
  directory content_;
  std::size_t size_;
};

}  // namespace mainstay::keyspace

/// Fuzzes the bytes of sessions: requests, which stand in entries of the log, and the table, which
/// stands in snapshots. The first byte chooses. What is accepted has one form, and must go on
/// working.
#include <algorithm>
#include <cstdint>
#include <span>

#include "mainstay/base/assert.hpp"
#include "mainstay/node/session_request.hpp"
#include "mainstay/node/session_table.hpp"

namespace {

using namespace mainstay;
using detail::session_table;
using byte_view = std::span<const std::byte>;

result<void> restore(session_table& table, byte_view bytes, std::size_t& taken) {
  taken = 0;
  return table.restore([&](std::span<std::byte> room) -> result<std::size_t> {
    const auto part = bytes.subspan(taken).first(std::min(room.size(), bytes.size() - taken));
    std::ranges::copy(part, room.begin());
    taken += part.size();
    return part.size();
  });
}

void check_request(byte_view bytes) {
  const auto payload = shared_bytes::copy_of(bytes);
  const auto decoded = decode_session_request(payload);
  if (decoded) MAINSTAY_ASSERT(encode(*decoded) == payload);
}

/// Runs requests on a table: the front of the input, as numbers.
void use(session_table& table, byte_view numbers) {
  log_time now{1'000'000};
  session_id next_name = 1'000;
  while (numbers.size() >= 4) {
    const auto at = [&](std::size_t i) { return std::to_integer<std::uint64_t>(numbers[i]); };
    now.microseconds += static_cast<std::int64_t>(at(3) * 100'000);
    if (at(0) % 8 == 0) {
      table.open(++next_name, {std::chrono::seconds(1 + at(1)), 4, 64, 4}, now);
    } else if (at(0) % 8 == 1) {
      table.close(at(1), now);
    } else {
      const session_request request{.session = at(0) % 2 == 0 ? next_name : at(1),
                                    .serial = at(2),
                                    .lowest_waiting = at(2) / 2,
                                    .command = {}};
      const auto admitted = table.admit(request, now);
      if (admitted.what == session_table::verdict::apply) {
        table.finish(request.session, request.serial, shared_bytes::copy_of(numbers.first(4)));
      }
    }
    numbers = numbers.subspan(4);
  }
}

void check_table(byte_view bytes) {
  session_table table;
  std::size_t taken = 0;
  if (!restore(table, bytes, taken)) {
    MAINSTAY_ASSERT(table.size() == 0);
    return;
  }
  MAINSTAY_ASSERT(std::ranges::equal(table.save(), bytes.first(taken)));

  use(table, bytes);
  const auto saved = table.save();
  session_table again;
  MAINSTAY_ASSERT(restore(again, saved, taken).has_value());
  MAINSTAY_ASSERT(taken == saved.size() && again.save() == saved);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size)).subspan(1);
  if (data[0] % 2 == 0) {
    check_request(input);
  } else {
    check_table(input);
  }
  return 0;
}

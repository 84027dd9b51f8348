#include "mainstay/seams/rpc_serializer.hpp"

namespace mainstay {

shared_bytes byte_pieces::joined() const {
  byte_arena arena(size_);
  if (size_ == 0) return {};
  auto room = arena.reserve(size_);
  for (const auto& piece : pieces_) {
    std::memcpy(room.data(), piece.data(), piece.size());
    room = room.subspan(piece.size());
  }
  return arena.commit(size_);
}

}  // namespace mainstay

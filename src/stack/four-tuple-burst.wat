;; A burst of look-ups: the loops of four-tuple-burst.ts, with four keys, slots or words of a record in one register.
;; Memory as in four-tuple-memory.ts; the offsets below are its word numbers times 4. `npm run wasm` assembles it.
;; Instructions stand one by one, without folding: scripts/wasm/assemble.js knows no more than is used here.
(module
  (import "table" "memory" (memory 1))
  (export "find" (func 0))
  (func $find (param $count i32) (param $shift i32) (param $base i32) (param $highWater i32)
    (local $at i32) (local $end i32) (local $start i32) (local $id i32) (local $hash i32) (local $slot i32)
    (local $place i32) (local $home i32) (local $distance i32) (local $pair i64)
    (local $a v128) (local $b v128) (local $c v128) (local $local v128) (local $remote v128) (local $ports v128)
    (local $hashes v128) (local $match v128) (local $key v128) (local $touched v128) (local $low v128)

    ;; 1. Hash four keys, which lie as L R P L | R P L R | P L R P; then begin to read where their chains begin.
    i32.const 0xffff
    i32x4.splat
    local.set $low
    local.get $count
    i32.const 2
    i32.shl
    local.set $end
    loop $hash4
      local.get $at
      i32.const 3
      i32.mul
      local.tee $place
      v128.load offset=0
      local.set $a
      local.get $place
      v128.load offset=16
      local.set $b
      local.get $place
      v128.load offset=32
      local.set $c
      local.get $a
      local.get $b
      i8x16.shuffle 0 1 2 3 12 13 14 15 24 25 26 27 0 0 0 0
      local.get $c
      i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 20 21 22 23
      local.set $local
      local.get $a
      local.get $b
      i8x16.shuffle 4 5 6 7 16 17 18 19 28 29 30 31 0 0 0 0
      local.get $c
      i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 24 25 26 27
      local.set $remote
      local.get $a
      local.get $b
      i8x16.shuffle 8 9 10 11 20 21 22 23 0 0 0 0 0 0 0 0
      local.get $c
      i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 28 29 30 31
      local.set $ports
      ;; The sum of products of four-tuple-hash.ts; the secret lies at 1536.
      i32.const 0
      v128.load32_splat offset=1536
      i32.const 0
      v128.load32_splat offset=1540
      local.get $local
      i32.const 16
      i32x4.shr_u
      i32x4.add
      i32.const 0
      v128.load32_splat offset=1544
      local.get $local
      local.get $low
      v128.and
      i32x4.add
      i32x4.mul
      i32x4.add
      i32.const 0
      v128.load32_splat offset=1548
      local.get $remote
      i32.const 16
      i32x4.shr_u
      i32x4.add
      i32.const 0
      v128.load32_splat offset=1552
      local.get $remote
      local.get $low
      v128.and
      i32x4.add
      i32x4.mul
      i32x4.add
      i32.const 0
      v128.load32_splat offset=1556
      local.get $ports
      i32.const 16
      i32x4.shr_u
      i32x4.add
      i32.const 0
      v128.load32_splat offset=1560
      local.get $ports
      local.get $low
      v128.and
      i32x4.add
      i32x4.mul
      i32x4.add
      local.tee $hashes
      ;; Spread.
      local.get $hashes
      i32.const 15
      i32x4.shr_u
      v128.xor
      i32.const 0x2c1b3c6d
      i32x4.splat
      i32x4.mul
      local.tee $hashes
      local.get $hashes
      i32.const 14
      i32x4.shr_u
      v128.xor
      local.set $hashes
      local.get $at
      local.get $hashes
      v128.store offset=1024
      ;; Homes: hash & 31 | hash >>> 5 & 480; in octets.
      local.get $hashes
      i32.const 31
      i32x4.splat
      v128.and
      local.get $hashes
      i32.const 5
      i32x4.shr_u
      i32.const 480
      i32x4.splat
      v128.and
      v128.or
      ;; And the places of the segments, from the directory at 2048.
      local.get $hashes
      local.get $shift
      i32x4.shr_u
      i32.const 2
      i32x4.shl
      local.tee $key
      i32x4.extract_lane 0
      v128.load32_zero offset=2048
      local.get $key
      i32x4.extract_lane 1
      i32.load offset=2048
      i32x4.replace_lane 1
      local.get $key
      i32x4.extract_lane 2
      i32.load offset=2048
      i32x4.replace_lane 2
      local.get $key
      i32x4.extract_lane 3
      i32.load offset=2048
      i32x4.replace_lane 3
      i32x4.add
      i32.const 2
      i32x4.shl
      local.set $key
      local.get $at
      local.get $key
      v128.store offset=1280
      local.get $touched
      local.get $key
      i32x4.extract_lane 0
      v128.load32_zero offset=0
      v128.or
      local.get $key
      i32x4.extract_lane 1
      v128.load32_zero offset=0
      v128.or
      local.get $key
      i32x4.extract_lane 2
      v128.load32_zero offset=0
      v128.or
      local.get $key
      i32x4.extract_lane 3
      v128.load32_zero offset=0
      v128.or
      local.set $touched
      local.get $at
      i32.const 16
      i32.add
      local.tee $at
      local.get $end
      i32.lt_u
      br_if $hash4
    end

    ;; 2. Compare the tags of a chain's first four slots, without a branch, and begin to read the record that may be meant.
    i32.const 0
    local.set $at
    loop $match1
      local.get $at
      i32.load offset=1280
      v128.load offset=0
      local.tee $a
      local.get $at
      v128.load32_splat offset=1024
      i32.const 22
      i32x4.shl
      v128.xor
      i32.const 22
      i32x4.shr_u
      i32.const 0
      i32x4.splat
      i32x4.eq
      local.get $a
      v128.and
      local.tee $match
      i64x2.extract_lane 0
      local.get $match
      i64x2.extract_lane 1
      i64.or
      local.tee $pair
      local.get $pair
      i64.const 32
      i64.shr_u
      i64.or
      i32.wrap_i64
      i32.const 0x3fffff
      i32.and
      i32.const 1
      i32.sub
      local.tee $id
      ;; -1 where nothing matched, 0 for rubbish that is no record's.
      local.get $id
      local.get $highWater
      i32.sub
      i32.const 31
      i32.shr_s
      i32.and
      local.set $id
      local.get $at
      local.get $id
      i32.store offset=768
      local.get $touched
      local.get $id
      i32.const -1
      local.get $id
      i32.const 31
      i32.shr_s
      i32.xor
      i32.and
      local.tee $id
      local.get $id
      i32.const -1024
      i32.and
      i32.add
      i32.const 5
      i32.shl
      local.get $base
      i32.add
      v128.load32_zero offset=0
      v128.or
      local.set $touched
      local.get $at
      i32.const 4
      i32.add
      local.tee $at
      local.get $end
      i32.lt_u
      br_if $match1
    end

    ;; 3. Verify: addresses, ports and hash in one comparison. What is not there is looked for in the rest of its chain.
    i32.const 0
    local.set $at
    loop $verify1
      block $done
        local.get $at
        i32.load offset=768
        local.tee $id
        local.get $id
        i32.const 31
        i32.shr_s
        i32.const -1
        i32.xor
        i32.and
        local.tee $place
        local.get $place
        i32.const -1024
        i32.and
        i32.add
        i32.const 5
        i32.shl
        local.get $base
        i32.add
        v128.load offset=0
        local.get $at
        i32.const 3
        i32.mul
        v128.load offset=0
        local.get $at
        i32.load offset=1024
        local.tee $hash
        i32x4.replace_lane 3
        local.tee $key
        v128.xor
        v128.any_true
        local.get $id
        i32.const 0
        i32.lt_s
        i32.or
        i32.eqz
        br_if $done

        ;; No tag, and the fourth slot is empty or of an entry that lies nearer to its home: the chain has ended.
        local.get $at
        i32.load offset=1280
        local.tee $start
        i32.const 2
        i32.shr_u
        i32.const 511
        i32.and
        local.set $home
        local.get $id
        i32.const 0
        i32.lt_s
        if
          local.get $home
          i32.const 508
          i32.le_u
          if
            local.get $start
            i32.load offset=12
            local.tee $slot
            i32.eqz
            br_if $done
            local.get $home
            i32.const 3
            i32.add
            local.get $slot
            i32.const 22
            i32.shr_u
            i32.sub
            i32.const 31
            i32.and
            i32.const 3
            i32.lt_u
            br_if $done
          end
        end

        ;; The whole chain.
        local.get $start
        i32.const -2048
        i32.and
        local.set $start
        i32.const -1
        local.set $id
        i32.const 0
        local.set $distance
        block $absent
          loop $chain
            local.get $start
            local.get $home
            local.get $distance
            i32.add
            i32.const 511
            i32.and
            local.tee $place
            i32.const 2
            i32.shl
            i32.add
            i32.load offset=0
            local.tee $slot
            i32.eqz
            br_if $absent
            local.get $slot
            local.get $hash
            i32.const 22
            i32.shl
            i32.xor
            i32.const 22
            i32.shr_u
            if
              local.get $place
              local.get $slot
              i32.const 22
              i32.shr_u
              i32.sub
              i32.const 31
              i32.and
              local.get $distance
              i32.lt_u
              br_if $absent
            else
              local.get $slot
              i32.const 0x3fffff
              i32.and
              i32.const 1
              i32.sub
              local.tee $slot
              local.get $slot
              i32.const -1024
              i32.and
              i32.add
              i32.const 5
              i32.shl
              local.get $base
              i32.add
              v128.load offset=0
              local.get $key
              v128.xor
              v128.any_true
              i32.eqz
              if
                local.get $slot
                local.set $id
                br $absent
              end
            end
            local.get $distance
            i32.const 1
            i32.add
            local.tee $distance
            i32.const 32
            i32.lt_u
            br_if $chain
          end
        end
        local.get $at
        local.get $id
        i32.store offset=768
      end
      local.get $at
      i32.const 4
      i32.add
      local.tee $at
      local.get $end
      i32.lt_u
      br_if $verify1
    end

    ;; So that the reads ahead are not left out.
    i32.const 0
    local.get $touched
    v128.store offset=1600
  )
)

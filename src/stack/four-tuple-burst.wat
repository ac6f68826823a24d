;; Look-ups: a burst by the loops of four-tuple-burst.ts, with four keys, slots or words of a record in one register; and one key
;; alone. Memory as in four-tuple-memory.ts; the offsets below are its word numbers times 4. `npm run wasm` assembles it.
;; Instructions stand one by one, without folding: scripts/wasm/assemble.js knows no more than is used here.
(module
  (import "table" "memory" (memory 1))

  ;; All keys of the burst that stands in the memory.
  (func $findBurst (export "findBurst") (param $count i32)
    (local $at i32) (local $end i32) (local $group i32) (local $last i32) (local $place i32) (local $home i32) (local $slot i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128) (local $local v128) (local $remote v128) (local $ports v128)
    (local $hashes v128) (local $key v128) (local $slots v128) (local $ids v128) (local $none v128) (local $touched v128)
    (local $low v128)

    ;; 1. Hash four keys; find out where their chains begin, and keep their tags where the ids will be.
    i32.const 0xffff
    i32x4.splat
    local.set $low
    i32.const 1856
    i32x4.splat
    local.set $none
    local.get $count
    i32.const 2
    i32.shl
    local.set $end
    loop $hash4
      local.get $at
      i32.const 2
      i32.shl
      local.tee $place
      v128.load offset=0
      local.tee $a
      local.get $place
      v128.load offset=16
      local.tee $b
      i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
      local.tee $local
      local.get $place
      v128.load offset=32
      local.tee $c
      local.get $place
      v128.load offset=48
      local.tee $key
      i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
      local.tee $ports
      i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31
      local.set $remote
      local.get $local
      local.get $ports
      i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
      local.set $local
      local.get $a
      local.get $b
      i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
      local.get $c
      local.get $key
      i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
      i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
      local.set $ports
      ;; The sum of products of four-tuple-hash.ts; the secret lies at 1792.
      i32.const 0
      v128.load32_splat offset=1792
      i32.const 0
      v128.load32_splat offset=1796
      local.get $local
      i32.const 16
      i32x4.shr_u
      i32x4.add
      i32.const 0
      v128.load32_splat offset=1800
      local.get $local
      local.get $low
      v128.and
      i32x4.add
      i32x4.mul
      i32x4.add
      i32.const 0
      v128.load32_splat offset=1804
      local.get $remote
      i32.const 16
      i32x4.shr_u
      i32x4.add
      i32.const 0
      v128.load32_splat offset=1808
      local.get $remote
      local.get $low
      v128.and
      i32x4.add
      i32x4.mul
      i32x4.add
      i32.const 0
      v128.load32_splat offset=1812
      local.get $ports
      i32.const 16
      i32x4.shr_u
      i32x4.add
      i32.const 0
      v128.load32_splat offset=1816
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
      local.get $place
      local.get $hashes
      i32x4.extract_lane 0
      i32.store offset=12
      local.get $place
      local.get $hashes
      i32x4.extract_lane 1
      i32.store offset=28
      local.get $place
      local.get $hashes
      i32x4.extract_lane 2
      i32.store offset=44
      local.get $place
      local.get $hashes
      i32x4.extract_lane 3
      i32.store offset=60
      local.get $at
      local.get $hashes
      i32.const 1023
      i32x4.splat
      v128.and
      v128.store offset=1024
      ;; Homes: hash & 31 | hash >>> 5 & 224.
      local.get $hashes
      i32.const 31
      i32x4.splat
      v128.and
      local.get $hashes
      i32.const 5
      i32x4.shr_u
      i32.const 224
      i32x4.splat
      v128.and
      v128.or
      ;; And the places of the segments, from the directory at 2048. Both in octets.
      local.get $hashes
      i32.const 0
      i32.load offset=1840
      i32x4.shr_u
      i32.const 2
      i32x4.shl
      local.set $key
      local.get $key
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
      local.get $at
      i32.const 16
      i32.add
      local.tee $at
      local.get $end
      i32.lt_u
      br_if $hash4
    end

    ;; 2. Touch the chains: their first and their fourth slot, which one in five has in the next cache line.
    i32.const 0
    local.set $at
    loop $slot4
      local.get $at
      i32.load offset=1280
      local.tee $place
      v128.load32_zero offset=0
      local.get $place
      v128.load32_zero offset=12
      v128.or
      local.get $touched
      v128.or
      local.set $touched
      local.get $at
      i32.load offset=1284
      local.tee $place
      v128.load32_zero offset=0
      local.get $place
      v128.load32_zero offset=12
      v128.or
      local.get $touched
      v128.or
      local.set $touched
      local.get $at
      i32.load offset=1288
      local.tee $place
      v128.load32_zero offset=0
      local.get $place
      v128.load32_zero offset=12
      v128.or
      local.get $touched
      v128.or
      local.set $touched
      local.get $at
      i32.load offset=1292
      local.tee $place
      v128.load32_zero offset=0
      local.get $place
      v128.load32_zero offset=12
      v128.or
      local.get $touched
      v128.or
      local.set $touched
      local.get $at
      i32.const 16
      i32.add
      local.tee $at
      local.get $end
      i32.lt_u
      br_if $slot4
    end

    ;; 3. Compare the tags of a chain's first four slots, without a branch: the record that may be meant.
    i32.const 0
    local.set $at
    loop $match4
      local.get $at
      i32.load offset=1280
      v128.load offset=0
      local.tee $slots
      i32.const 22
      i32x4.shr_u
      local.get $at
      v128.load32_splat offset=1024
      i32x4.eq
      local.get $slots
      v128.and
      local.set $a
      local.get $at
      i32.load offset=1284
      v128.load offset=0
      local.tee $slots
      i32.const 22
      i32x4.shr_u
      local.get $at
      v128.load32_splat offset=1028
      i32x4.eq
      local.get $slots
      v128.and
      local.set $b
      local.get $at
      i32.load offset=1288
      v128.load offset=0
      local.tee $slots
      i32.const 22
      i32x4.shr_u
      local.get $at
      v128.load32_splat offset=1032
      i32x4.eq
      local.get $slots
      v128.and
      local.set $c
      local.get $at
      i32.load offset=1292
      v128.load offset=0
      local.tee $slots
      i32.const 22
      i32x4.shr_u
      local.get $at
      v128.load32_splat offset=1036
      i32x4.eq
      local.get $slots
      v128.and
      local.set $d
      ;; One id + 1 of each: the four lanes of a vector joined, four vectors at a time.
      local.get $a
      local.get $b
      i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
      local.get $a
      local.get $b
      i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
      v128.or
      local.tee $a
      local.get $c
      local.get $d
      i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
      local.get $c
      local.get $d
      i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
      v128.or
      local.tee $c
      i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
      local.get $a
      local.get $c
      i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31
      v128.or
      i32.const 0x3fffff
      i32x4.splat
      v128.and
      i32.const 1
      i32x4.splat
      i32x4.sub
      local.tee $ids
      ;; -1 where nothing matched, 0 for rubbish that is no record's.
      local.get $ids
      i32.const 0
      v128.load32_splat offset=1848
      i32x4.sub
      i32.const 31
      i32x4.shr_s
      v128.and
      local.set $ids
      local.get $at
      local.get $ids
      v128.store offset=1024
      ;; The record's place; for -1, that of one which no key equals.
      local.get $at
      local.get $ids
      local.get $ids
      i32.const -1024
      i32x4.splat
      v128.and
      i32x4.add
      i32.const 5
      i32x4.shl
      i32.const 0
      v128.load32_splat offset=1844
      i32x4.add
      local.get $none
      local.get $ids
      i32.const 31
      i32x4.shr_s
      local.tee $slots
      v128.and
      local.set $a
      local.get $slots
      v128.andnot
      local.get $a
      v128.or
      v128.store offset=1536
      local.get $at
      i32.const 16
      i32.add
      local.tee $at
      local.get $end
      i32.lt_u
      br_if $match4
    end

    ;; 4. Touch the records.
    i32.const 0
    local.set $at
    loop $record4
      local.get $at
      i32.load offset=1536
      v128.load32_zero offset=0
      local.get $touched
      v128.or
      local.set $touched
      local.get $at
      i32.load offset=1540
      v128.load32_zero offset=0
      local.get $touched
      v128.or
      local.set $touched
      local.get $at
      i32.load offset=1544
      v128.load32_zero offset=0
      local.get $touched
      v128.or
      local.set $touched
      local.get $at
      i32.load offset=1548
      v128.load32_zero offset=0
      local.get $touched
      v128.or
      local.set $touched
      local.get $at
      i32.const 16
      i32.add
      local.tee $at
      local.get $end
      i32.lt_u
      br_if $record4
    end

    ;; 5. Verify four keys: addresses, ports and hash in one comparison. Where one is not there, each for itself: what the
    ;;    comparison has not found is looked for in its chain.
    i32.const 0
    local.set $at
    loop $verify4
      block $four
        local.get $at
        i32.const 2
        i32.shl
        local.set $place
        local.get $at
        i32.load offset=1536
        v128.load offset=0
        local.get $place
        v128.load offset=0
        v128.xor
        local.get $at
        i32.load offset=1540
        v128.load offset=0
        local.get $place
        v128.load offset=16
        v128.xor
        v128.or
        local.get $at
        i32.load offset=1544
        v128.load offset=0
        local.get $place
        v128.load offset=32
        v128.xor
        local.get $at
        i32.load offset=1548
        v128.load offset=0
        local.get $place
        v128.load offset=48
        v128.xor
        v128.or
        v128.or
        v128.any_true
        i32.eqz
        br_if $four
        local.get $at
        local.set $group
        local.get $at
        i32.const 16
        i32.add
        local.tee $last
        local.get $end
        local.get $last
        local.get $end
        i32.lt_u
        select
        local.set $last
        loop $verify1
          block $done
            local.get $at
            i32.load offset=1536
            v128.load offset=0
            local.get $at
            i32.const 2
            i32.shl
            v128.load offset=0
            local.tee $key
            v128.xor
            v128.any_true
            i32.eqz
            br_if $done
            local.get $at
            i32.load offset=1280
            local.set $place
            ;; No tag, and the fourth slot is empty or of an entry that lies nearer to its home: the chain has ended.
            local.get $at
            i32.load offset=1024
            i32.const 0
            i32.lt_s
            if
              local.get $place
              i32.const 2
              i32.shr_u
              i32.const 255
              i32.and
              local.tee $home
              i32.const 252
              i32.le_u
              if
                local.get $place
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
            local.get $at
            local.get $place
            local.get $key
            call $walk
            i32.store offset=1024
          end
          local.get $at
          i32.const 4
          i32.add
          local.tee $at
          local.get $last
          i32.lt_u
          br_if $verify1
        end
        local.get $group
        local.set $at
      end
      local.get $at
      i32.const 16
      i32.add
      local.tee $at
      local.get $end
      i32.lt_u
      br_if $verify4
    end

    ;; So that what is only touched is not left out.
    i32.const 0
    local.get $touched
    v128.store offset=1824
  )

  ;; The id of one key, or -1.
  (func $findOne (export "findOne") (param $local i32) (param $remote i32) (param $ports i32) (result i32)
    (local $hash i32) (local $start i32) (local $id i32) (local $place i32) (local $pair i64)
    (local $a v128) (local $b v128) (local $c v128) (local $key v128)

    i32.const 0
    i32.load offset=1792
    i32.const 0
    i32.load offset=1796
    local.get $local
    i32.const 16
    i32.shr_u
    i32.add
    i32.const 0
    i32.load offset=1800
    local.get $local
    i32.const 0xffff
    i32.and
    i32.add
    i32.mul
    i32.add
    i32.const 0
    i32.load offset=1804
    local.get $remote
    i32.const 16
    i32.shr_u
    i32.add
    i32.const 0
    i32.load offset=1808
    local.get $remote
    i32.const 0xffff
    i32.and
    i32.add
    i32.mul
    i32.add
    i32.const 0
    i32.load offset=1812
    local.get $ports
    i32.const 16
    i32.shr_u
    i32.add
    i32.const 0
    i32.load offset=1816
    local.get $ports
    i32.const 0xffff
    i32.and
    i32.add
    i32.mul
    i32.add
    local.tee $hash
    local.get $hash
    i32.const 15
    i32.shr_u
    i32.xor
    i32.const 0x2c1b3c6d
    i32.mul
    local.tee $hash
    local.get $hash
    i32.const 14
    i32.shr_u
    i32.xor
    local.tee $hash
    ;; Where its chain begins.
    i32.const 0
    i32.load offset=1840
    i32.shr_u
    i32.const 2
    i32.shl
    i32.load offset=2048
    local.get $hash
    i32.const 31
    i32.and
    local.get $hash
    i32.const 5
    i32.shr_u
    i32.const 224
    i32.and
    i32.or
    i32.add
    i32.const 2
    i32.shl
    local.tee $start
    local.get $hash
    i32.const 22
    i32.shl
    i32x4.splat
    local.set $b
    v128.load offset=0
    local.tee $a
    local.get $b
    v128.xor
    i32.const 22
    i32x4.shr_u
    i32.const 0
    i32x4.splat
    i32x4.eq
    local.get $a
    v128.and
    local.tee $c
    i64x2.extract_lane 0
    local.get $c
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
    i32.const 0
    i32.load offset=1848
    i32.sub
    i32.const 31
    i32.shr_s
    i32.and
    local.set $id
    local.get $local
    i32x4.splat
    local.get $remote
    i32x4.replace_lane 1
    local.get $ports
    i32x4.replace_lane 2
    local.get $hash
    i32x4.replace_lane 3
    local.set $key
    local.get $id
    i32.const -1
    local.get $id
    i32.const 31
    i32.shr_s
    i32.xor
    i32.and
    local.tee $place
    local.get $place
    i32.const -1024
    i32.and
    i32.add
    i32.const 5
    i32.shl
    i32.const 0
    i32.load offset=1844
    i32.add
    v128.load offset=0
    local.get $key
    v128.xor
    v128.any_true
    local.get $id
    i32.const 0
    i32.lt_s
    i32.or
    if
      local.get $start
      local.get $key
      call $walk
      return
    end
    local.get $id
  )

  ;; The id of a key whose hash is its fourth word, from the chain that begins at `start`; or -1.
  (func $walk (param $start i32) (param $key v128) (result i32)
    (local $segment i32) (local $home i32) (local $tag i32) (local $distance i32) (local $slot i32) (local $place i32)

    local.get $start
    i32.const -1024
    i32.and
    local.set $segment
    local.get $start
    i32.const 2
    i32.shr_u
    i32.const 255
    i32.and
    local.set $home
    local.get $key
    i32x4.extract_lane 3
    i32.const 22
    i32.shl
    local.set $tag
    block $absent
      loop $chain
        local.get $segment
        local.get $home
        local.get $distance
        i32.add
        i32.const 255
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
        local.get $tag
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
          i32.const 0
          i32.load offset=1844
          i32.add
          v128.load offset=0
          local.get $key
          v128.xor
          v128.any_true
          i32.eqz
          if
            local.get $slot
            return
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
    i32.const -1
  )
)

function gone(rec) aerospike:remove(rec) return 1 end
